"""The collector from the runner's side: a synchronous client with a deadline for each call.

Every failure becomes a HarnessError here: the collector is ours, so whatever it cannot do is no fault of a user.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from workbench.collector.wire import (
    Health,
    Live,
    LiveSample,
    RecordingEnd,
    RecordingOrder,
    RecordingStarted,
    RecordingState,
    Refusal,
    Target,
    Targets,
)
from workbench.errors import HarnessError
from workbench.model.events import Clock

DEADLINE_S = 5.0

M = TypeVar("M", bound=BaseModel)


class CollectorClient:
    """One collector. A connection is made for each call, so that a collector that was replaced is found again."""

    def __init__(self, url: str, token: str | None = None, *, deadline_s: float = DEADLINE_S) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._deadline_s = deadline_s

    def set_targets(
        self,
        metrics_urls: Mapping[str, str],
        processes: Mapping[str, int] | None = None,
        masks: Sequence[str] = (),
    ) -> None:
        """Watch these services and processes, and no others."""
        services = {name: Target(metrics_url=url) for name, url in metrics_urls.items()}
        order = Targets(services=services, processes=dict(processes or {}), masks=list(masks))
        self._call("PUT", "/targets", order.model_dump_json())

    def add_processes(self, pids: Mapping[str, int]) -> None:
        """Watch these processes as well."""
        self._call("PUT", "/processes", json.dumps(dict(pids)))

    def start_recording(self, directory: Path, run_id: str) -> Clock:
        """Write rows into a folder from now on; return the collector's clocks."""
        order = RecordingOrder(directory=str(directory), run_id=run_id)
        return self._ask("PUT", "/recording", RecordingStarted, order.model_dump_json()).clock

    def recording(self) -> RecordingState:
        """Ask what is in the files by now."""
        return self._ask("GET", "/recording", RecordingState)

    def stop_recording(self) -> RecordingEnd:
        """End the recording; when this returns all rows are durable."""
        return self._ask("DELETE", "/recording", RecordingEnd)

    def live(self) -> list[LiveSample]:
        """Return the latest values of the metrics that begin with `workbench_`."""
        return self._ask("GET", "/live", Live).samples

    def health(self) -> Health:
        """Ask whether it answers, and for its monotonic clock."""
        return self._ask("GET", "/health", Health)

    def _ask(self, method: str, path: str, answer: type[M], body: str | None = None) -> M:
        content = self._call(method, path, body)
        try:
            return answer.model_validate_json(content)
        except ValidationError as error:
            raise HarnessError(f"the collector's answer to {method} {path} cannot be understood: {error}") from error

    def _call(self, method: str, path: str, body: str | None = None) -> bytes:
        """Send one request; return the body of a 2xx answer."""
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._deadline_s)
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            why = f"no answer within {self._deadline_s:g} s" if isinstance(error, TimeoutError) else str(error)
            raise HarnessError(
                f"the collector at {self._url} did not answer {method} {path}: {why or type(error).__name__}",
                hint="its log is in logs/collector.log",
            ) from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise HarnessError(f"the collector refused {method} {path}: {_reason(response.status, content)}")
        return content


def _reason(status: int, content: bytes) -> str:
    try:
        refusal = Refusal.model_validate_json(content)
    except ValidationError:
        return f"status {status} {content[:300].decode(errors='replace')}"
    return "; ".join([f"status {status}, {refusal.error}", *refusal.problems])
