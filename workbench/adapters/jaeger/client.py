"""Jaeger's HTTP API v3 as far as a run needs it: whole traces as OTLP (https://www.jaegertracing.io/docs/latest/apis/).

No traces is an error there (404), and here an empty answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from workbench.adapters.jaeger.spans import Row, rows
from workbench.calls import NoAnswer, Refused, call_json
from workbench.errors import HarnessError

_DEADLINE_S = 20.0
_NS_PER_S = 1_000_000_000


class JaegerClient:
    """One server. Every call raises HarnessError where it fails."""

    def __init__(self, url: str) -> None:
        self._url = url

    def services(self) -> list[str]:
        """Return the services that have sent spans."""
        answer = self._ask("/api/v3/services", {})
        return sorted((answer or {}).get("services") or [])

    def traces(self, service: str, start_ns: int, end_ns: int, most: int) -> list[Row]:
        """Return the spans of all traces in which a service began one between two moments (wall times).

        `most` is the number of traces beyond which some are missing.
        """
        asked = {
            "query.service_name": service,
            "query.start_time_min": _rfc3339(start_ns),
            "query.start_time_max": _rfc3339(end_ns),
            "query.num_traces": str(most),
        }
        return self._spans(self._ask("/api/v3/traces", asked))

    def trace(self, trace_id: str) -> list[Row]:
        """Return the spans of one trace; none if it is not there."""
        return self._spans(self._ask(f"/api/v3/traces/{trace_id}", {}))

    def _spans(self, answer: Any) -> list[Row]:
        try:
            return [] if answer is None else list(rows(answer["result"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise HarnessError(f"Jaeger at {self._url} answers spans that cannot be understood: {error!r}") from error

    def _ask(self, path: str, query: dict[str, str]) -> Any:
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            return call_json("GET", url, deadline_s=_DEADLINE_S)
        except NoAnswer as error:
            if isinstance(error.__cause__, Refused) and error.__cause__.status == 404:
                return None
            raise HarnessError(
                f"Jaeger at {self._url} does not answer: {error}", hint="its log is logs/jaeger.log"
            ) from error


def _rfc3339(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, _NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
