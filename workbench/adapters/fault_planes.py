"""All faults of a stack behind one port: those on edges go to a fault plane, those on services to the supervisor."""

from __future__ import annotations

from workbench.engine.ports import FaultPlane, FaultState
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase


class FaultPlanes:
    """Sends each fault to who can inject it."""

    def __init__(self, edges: FaultPlane, services: FaultPlane) -> None:
        self._edges = edges
        self._services = services
        self._of: dict[str, FaultPlane] = {}
        """Who was asked for a fault, by its id."""

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:
        plane = self._services if fault.level == "process" else self._edges
        self._of[fault.id] = plane
        return plane.inject(fault, seed, lease_ms)

    def faults(self) -> list[FaultState]:
        return [*self._edges.faults(), *self._services.faults()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """One that does not answer keeps no lease of the other from being renewed."""
        gone: list[str] = []
        failures: list[HarnessError] = []
        for plane in (self._edges, self._services):
            own = [fault_id for fault_id in ids if self._of.get(fault_id, self._edges) is plane]
            try:
                gone += plane.renew(own, lease_ms) if own else []
            except HarnessError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return gone

    def undo(self, fault_id: str) -> FaultState | None:
        """Ask who was asked for it; for a fault that somebody else has injected, both."""
        if fault_id in self._of:
            return self._of[fault_id].undo(fault_id)
        on_edge = self._edges.undo(fault_id)
        return self._services.undo(fault_id) if on_edge is None else on_edge

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        plane = self._edges if ":" in target else self._services
        return plane.canary(target, past_the_plane=past_the_plane)
