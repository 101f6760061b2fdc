"""All faults of a stack behind one port.

Those on edges go to a fault plane, those on services to the supervisor, those on resources to the services themselves,
or to the Toxiproxy in front of a real server.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from workbench.engine.ports import FaultPlane, FaultState
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase, Level


class FaultPlanes:
    """Sends each fault to who can inject it."""

    def __init__(
        self, edges: FaultPlane, services: FaultPlane, resources: FaultPlane, resource_names: Collection[str]
    ) -> None:
        self._edges = edges
        self._services = services
        self._resources = resources
        self._resource_names = resource_names
        self._of: dict[str, FaultPlane] = {}
        """Who was asked for a fault, by its id."""
        self._whole = threading.Lock()
        """Held while one on a resource is renewed or undone. It is in several places, and half undone is not lost."""

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:
        of_level: dict[Level, FaultPlane] = {"process": self._services, "resource": self._resources}
        plane = of_level.get(fault.level, self._edges)
        self._of[fault.id] = plane
        return plane.inject(fault, seed, lease_ms)

    def faults(self) -> list[FaultState]:
        return [*self._edges.faults(), *self._services.faults(), *self._resources.faults()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """One that does not answer keeps no lease of the other from being renewed."""
        gone: list[str] = []
        failures: list[HarnessError] = []
        for plane in (self._edges, self._services, self._resources):
            own = [fault_id for fault_id in ids if self._of.get(fault_id, self._edges) is plane]
            try:
                with self._one_at_a_time(plane):
                    gone += plane.renew(own, lease_ms) if own else []
            except HarnessError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return gone

    def undo(self, fault_id: str) -> FaultState | None:
        """Ask who was asked for it; for a fault that somebody else has injected, one after the other."""
        if fault_id in self._of:
            return self._undo_at(self._of[fault_id], fault_id)
        for plane in (self._edges, self._services, self._resources):
            last = self._undo_at(plane, fault_id)
            if last is not None:
                return last
        return None

    def _undo_at(self, plane: FaultPlane, fault_id: str) -> FaultState | None:
        with self._one_at_a_time(plane):
            return plane.undo(fault_id)

    def _one_at_a_time(self, plane: FaultPlane) -> AbstractContextManager[object]:
        return self._whole if plane is self._resources else nullcontext()

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        if target in self._resource_names:
            return self._resources.canary(target)
        plane = self._edges if ":" in target else self._services
        return plane.canary(target, past_the_plane=past_the_plane)
