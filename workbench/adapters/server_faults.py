"""Faults on resources, made where the plan says: in front of a real server by Toxiproxy, elsewhere by the services.

Toxiproxy counts nothing while connections are open. So the services that use the server count what they meet of a fault
that it makes: which pieces of their work failed because the server was away, or were held up. The supervisor puts the
toxics on and holds their lease, which Toxiproxy has none of.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace

from workbench.adapters.native.process_faults import ProcessFaults
from workbench.adapters.resource_faults import ResourceFaults
from workbench.adapters.toxics import toxics_of
from workbench.engine.ports import FaultState
from workbench.errors import HarnessError
from workbench.model.faults.base import FaultBase
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Disturb
from workbench.model.makers import Maker, maker_of
from workbench.model.stack import RunningStack
from workbench.supervisor.planes import MARK
from workbench.supervisor.wire import ProcessFaultOrder


class ServerFaults:
    """The faults on the resources of one stack that has real servers."""

    def __init__(self, stack: RunningStack, clients: ResourceFaults, supervisor: ProcessFaults) -> None:
        self._plane = stack.fault_plane
        self._servers = stack.servers
        self._clients = clients
        self._supervisor = supervisor
        self._in_front: set[str] = set()
        """Ids of those that Toxiproxy was asked for by us."""

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:
        assert isinstance(fault, ResourceFault)
        if maker_of(fault, self._plane, self._servers) is not Maker.TOXIPROXY:
            return self._clients.inject(fault, seed, lease_ms)
        self._in_front.add(fault.id)
        toxics = toxics_of(fault)
        action = {"do": "toxics", "toxics": [asdict(one) for one in toxics], "closed": toxics[0].type == MARK}
        on = self._supervisor.put(ProcessFaultOrder(fault.id, fault.kind, fault.resource, action, lease_ms))
        # only now: what services did before it was on is not to be counted
        watched = self._clients.put(fault, Disturb("watch", fault.action().delay_ns), seed, lease_ms)
        return _whole(on, watched)

    def faults(self) -> list[FaultState]:
        watched = {state.id: state for state in self._clients.faults()}
        on = [_whole(state, watched.pop(state.id, None)) for state in self._supervisor.of(self._servers)]
        return [*on, *watched.values()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """Who does not answer keeps no other lease from being renewed; of what is gone in one place, the rest goes."""
        in_front = [fault_id for fault_id in ids if fault_id in self._in_front]
        failure: HarnessError | None = None
        gone: list[str] = []
        try:
            gone += self._supervisor.renew(in_front, lease_ms) if in_front else []
        except HarnessError as error:
            failure = error
        gone += self._clients.renew(ids, lease_ms)
        for fault_id in set(gone) & self._in_front:
            with suppress(HarnessError):  # then its lease ends it
                self.undo(fault_id)
        if failure is not None:
            raise failure
        return list(dict.fromkeys(gone))

    def undo(self, fault_id: str) -> FaultState | None:
        """Take it off in both places. None if it was not on, or not in both where both were asked for it."""
        try:
            watched = self._clients.undo(fault_id)  # first: what services do once it is off is not to be counted
        finally:
            on = self._supervisor.undo_of(self._servers, fault_id)
        if fault_id in self._in_front:
            self._in_front.discard(fault_id)
            return None if on is None or watched is None else _whole(on, watched)
        return watched if on is None else _whole(on, watched)

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        return self._clients.canary(target, past_the_plane=past_the_plane)


def _whole(on: FaultState, watched: FaultState | None) -> FaultState:
    """Return what the supervisor holds, with the counts of the services."""
    return on if watched is None else replace(on, counts=watched.counts)
