"""The fault plane from the runner's side: a synchronous client with a deadline for each call.

Every failure becomes a HarnessError here: the plane is ours, so whatever it cannot do is no fault of a user.
Whether a fault may still be on after one is for the caller to judge. Safe to use from several threads.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError

from workbench.errors import HarnessError
from workbench.faultproxy.wire import (
    FaultList,
    FaultOrder,
    FaultState,
    Health,
    Lease,
    ProxyList,
    ProxyOrder,
    ProxyState,
    RecordingEnd,
    RecordingOrder,
    RecordingStarted,
    RecordingState,
    Refusal,
    Renewal,
    RenewOrder,
)
from workbench.model.faults.base import EdgeFault

DEADLINE_S = 5.0

M = TypeVar("M", bound=BaseModel)

_ORDERS = TypeAdapter(list[ProxyOrder])


class _RefusedError(Exception):
    """The plane answered with an error status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class PlaneClient:
    """One fault plane. A connection is made for each call, so that a plane that was replaced is found again."""

    def __init__(self, url: str, token: str | None = None, *, deadline_s: float = DEADLINE_S) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._deadline_s = deadline_s

    # -- proxies ----------------------------------------------------------------------------------------

    def create_proxies(self, orders: Sequence[ProxyOrder]) -> list[ProxyState]:
        """Make a listener for each edge; those that are there as asked for stay as they are."""
        body = _ORDERS.dump_json(list(orders)).decode()
        return self._ask("POST", "/populate", ProxyList, body).proxies or []

    # -- faults -----------------------------------------------------------------------------------------

    def add_fault(self, fault: EdgeFault, seed: int, lease_ms: int) -> Lease:
        """Put a fault on; it is on when this returns. `seed` counts unless the fault declares its own."""
        order = FaultOrder.model_validate({"fault": fault, "seed": seed, "lease_ms": lease_ms})
        return self._ask("POST", "/faults", Lease, order.model_dump_json())

    def fault(self, fault_id: str) -> FaultState | None:
        """Return what a fault has done so far; None if it is not on."""
        return self._ask_or_none("GET", f"/faults/{quote(fault_id, safe='')}", FaultState)

    def faults(self) -> list[FaultState]:
        """Return what is on, in the order in which it was declared."""
        return self._ask("GET", "/faults", FaultList).faults

    def renew(self, fault_ids: Sequence[str], lease_ms: int) -> Renewal:
        """Let leases end `lease_ms` from now; the answer names those that have expired."""
        order = RenewOrder(ids=list(fault_ids), lease_ms=lease_ms)
        return self._ask("POST", "/faults/renew", Renewal, order.model_dump_json())

    def remove(self, fault_id: str) -> FaultState | None:
        """Take a fault off; nothing feels it any more when this returns. None if it was not on."""
        return self._ask_or_none("DELETE", f"/faults/{quote(fault_id, safe='')}", FaultState)

    def remove_all(self) -> list[FaultState]:
        """Take every fault off and return their last states."""
        return self._ask("DELETE", "/faults", FaultList).faults

    # -- recording --------------------------------------------------------------------------------------

    def start_recording(self, directory: Path, run_id: str, canary: str) -> RecordingStarted:
        """Write a row for each attempt into a folder from now on; a recording that is on ends."""
        order = RecordingOrder(directory=str(directory), run_id=run_id, canary=canary)
        return self._ask("PUT", "/recording", RecordingStarted, order.model_dump_json())

    def recording(self) -> RecordingState:
        """Ask what is in the file by now."""
        return self._ask("GET", "/recording", RecordingState)

    def stop_recording(self) -> RecordingEnd:
        """End the recording; when this returns all rows are durable."""
        return self._ask("DELETE", "/recording", RecordingEnd)

    def health(self) -> Health:
        """Ask whether it answers, and for its monotonic clock."""
        return self._ask("GET", "/health", Health)

    # -- one call ---------------------------------------------------------------------------------------

    def _ask_or_none(self, method: str, path: str, answer: type[M]) -> M | None:
        try:
            return self._read(method, path, answer, self._call(method, path, None))
        except _RefusedError as error:
            if error.status == 404:
                return None
            raise _refused(method, path, error) from error

    def _ask(self, method: str, path: str, answer: type[M], body: str | None = None) -> M:
        try:
            return self._read(method, path, answer, self._call(method, path, body))
        except _RefusedError as error:
            raise _refused(method, path, error) from error

    def _read(self, method: str, path: str, answer: type[M], content: bytes) -> M:
        try:
            return answer.model_validate_json(content)
        except ValidationError as error:
            raise HarnessError(f"the fault plane's answer to {method} {path} cannot be understood: {error}") from error

    def _call(self, method: str, path: str, body: str | None) -> bytes:
        """Send one request; return the body of a 2xx answer. Raises _RefusedError for any other."""
        until = monotonic() + self._deadline_s
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._deadline_s)
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, body, headers)
            connection.sock.settimeout(max(until - monotonic(), 0.001))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            why = f"no answer within {self._deadline_s:g} s" if isinstance(error, TimeoutError) else str(error)
            raise HarnessError(
                f"the fault plane at {self._url} did not answer {method} {path}: {why or type(error).__name__}",
                hint="its log is in logs/faultproxy.log",
            ) from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise _RefusedError(response.status, _reason(response.status, content))
        return content


def _refused(method: str, path: str, error: _RefusedError) -> HarnessError:
    return HarnessError(f"the fault plane refused {method} {path}: {error}")


def _reason(status: int, content: bytes) -> str:
    try:
        refusal = Refusal.model_validate_json(content)
    except ValidationError:
        return f"status {status} {content[:300].decode(errors='replace').strip()}"
    return "; ".join([f"status {status}, {refusal.error}", *refusal.problems])
