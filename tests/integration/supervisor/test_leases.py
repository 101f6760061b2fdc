"""Leases of faults on services, from the supervisor's side."""

from __future__ import annotations

import time

from workbench.supervisor.deeds import Deed
from workbench.supervisor.faults import ProcessFaults
from workbench.supervisor.wire import Evidence, ProcessFaultOrder

LEASE_MS = 200


class Slow(Deed):
    """Takes longer to do than its lease is."""

    def __init__(self) -> None:
        self.renewed_for_s: list[float] = []

    def do(self, lease_s: float) -> Evidence:
        time.sleep(2 * lease_s)
        return {}

    def undo(self) -> Evidence:
        return {}

    def renewed(self, lease_s: float) -> None:
        self.renewed_for_s.append(lease_s)


def test_a_lease_counts_from_when_its_fault_is_on() -> None:
    """Nobody can renew before that; else what takes long to do would be over at once."""
    deed = Slow()
    faults = ProcessFaults(lambda _: deed)
    state = faults.inject(ProcessFaultOrder("f", "restart", "a", {}, LEASE_MS))
    assert LEASE_MS * 1_000_000 == state.expires_at_ns - state.active_since_ns
    assert [LEASE_MS / 1000] == deed.renewed_for_s
    faults.close()
