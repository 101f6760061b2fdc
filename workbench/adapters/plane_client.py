"""The fault plane from the runner's side.

Whether a fault may still be on after a call that failed is for the caller to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from pydantic import TypeAdapter

from workbench.adapters.process_client import DEADLINE_S, ProcessClient
from workbench.faultproxy.wire import (
    FaultList,
    FaultOrder,
    FaultState,
    Lease,
    MarkedRecordingOrder,
    ProxyList,
    ProxyOrder,
    ProxyState,
    Renewal,
    RenewOrder,
)
from workbench.model.faults.base import EdgeFault
from workbench.model.recording import Health, RecordingEnd, RecordingStarted, RecordingState

_ORDERS = TypeAdapter(list[ProxyOrder])


class PlaneClient:
    """One fault plane. Every call raises HarnessError where it fails."""

    def __init__(self, url: str, token: str | None = None, *, deadline_s: float = DEADLINE_S) -> None:
        self.url = url
        self._plane = ProcessClient("fault plane", "faultproxy", url, token, deadline_s)

    # -- proxies ----------------------------------------------------------------------------------------

    def create_proxies(self, orders: Sequence[ProxyOrder]) -> list[ProxyState]:
        """Make a listener for each edge; those that are there as asked for stay as they are."""
        body = _ORDERS.dump_json(list(orders)).decode()
        return self._plane.ask("POST", "/populate", ProxyList, body).proxies or []

    # -- faults -----------------------------------------------------------------------------------------

    def add_fault(self, fault: EdgeFault, seed: int, lease_ms: int) -> Lease:
        """Put a fault on; it is on when this returns. `seed` counts unless the fault declares its own."""
        order = FaultOrder.model_validate({"fault": fault, "seed": seed, "lease_ms": lease_ms})
        return self._plane.ask("POST", "/faults", Lease, order.model_dump_json())

    def fault(self, fault_id: str) -> FaultState | None:
        """Return what a fault has done so far; None if it is not on."""
        return self._plane.ask_or_none("GET", f"/faults/{quote(fault_id, safe='')}", FaultState)

    def faults(self) -> list[FaultState]:
        """Return what is on, in the order in which it was declared."""
        return self._plane.ask("GET", "/faults", FaultList).faults

    def renew(self, fault_ids: Sequence[str], lease_ms: int) -> Renewal:
        """Let leases end `lease_ms` from now; the answer names those that have expired."""
        order = RenewOrder(ids=list(fault_ids), lease_ms=lease_ms)
        return self._plane.ask("POST", "/faults/renew", Renewal, order.model_dump_json())

    def remove(self, fault_id: str) -> FaultState | None:
        """Take a fault off; nothing feels it any more when this returns. None if it was not on."""
        return self._plane.ask_or_none("DELETE", f"/faults/{quote(fault_id, safe='')}", FaultState)

    def remove_all(self) -> list[FaultState]:
        """Take every fault off and return their last states."""
        return self._plane.ask("DELETE", "/faults", FaultList).faults

    # -- recording --------------------------------------------------------------------------------------

    def start_recording(self, directory: Path, run_id: str, canary: str) -> RecordingStarted:
        """Write a row for each attempt into a folder from now on; a recording that is on ends."""
        order = MarkedRecordingOrder(directory=str(directory), run_id=run_id, canary=canary)
        return self._plane.ask("PUT", "/recording", RecordingStarted, order.model_dump_json())

    def recording(self) -> RecordingState:
        """Ask what is in the file by now."""
        return self._plane.ask("GET", "/recording", RecordingState)

    def stop_recording(self) -> RecordingEnd:
        """End the recording; when this returns all rows are durable."""
        return self._plane.ask("DELETE", "/recording", RecordingEnd)

    def health(self) -> Health:
        """Ask whether it answers, and for its monotonic clock."""
        return self._plane.ask("GET", "/health", Health)
