"""Everything the plane holds: edges, faults with their leases, and the recording. What its APIs act on.

A fault is on when `inject` returns and nothing feels it when `remove` returns. It goes by itself when its
lease is over, whatever the API does, and a late timer does not matter to it: an expired fault hits nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine, Iterable
from time import monotonic_ns
from typing import Any

from workbench.faultproxy.active_fault import ActiveFault, activate, fits_bytes
from workbench.faultproxy.addresses import format_address, parse_address
from workbench.faultproxy.attempt import EndReason
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.recording import Evidence, Recording, read_clocks
from workbench.faultproxy.timers import new_timers
from workbench.faultproxy.traffic import Traffic
from workbench.faultproxy.wire import FaultOrder, MarkedRecordingOrder, Renewal
from workbench.model.events import Clock
from workbench.model.faults.base import Ability, EdgeFault
from workbench.model.recording import RecordingEnd, RecordingState
from workbench.model.units import NS_PER_MS, NS_PER_S


class UnknownEdgeError(LookupError):
    """There is no edge of that name."""


class UnknownFaultError(LookupError):
    """There is no fault of that id (any more)."""


class AlreadyThereError(Exception):
    """The name is taken."""


class UnsuitableError(Exception):
    """The fault means nothing on this edge."""


class Plane:
    """All methods belong to the event loop's thread. Edges listen on loopback addresses only, unless `anywhere`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, anywhere: bool = False, counts_bytes: bool = False) -> None:
        self.edges: dict[str, Edge] = {}
        self.anywhere = anywhere
        self._counts_bytes = counts_bytes
        self._loop = loop
        self._timers = new_timers(loop)
        self._faults: dict[str, ActiveFault] = {}
        self._evidence = Evidence()
        self._expiry: asyncio.TimerHandle | None = None
        self._turns: dict[str, asyncio.TimerHandle] = {}
        """The next turn of each fault that flaps."""
        self._working: set[asyncio.Task[None]] = set()

    # -- edges ------------------------------------------------------------------------------------------

    def edge(self, name: str) -> Edge:
        """Return an edge. Raises UnknownEdgeError."""
        if name not in self.edges:
            raise UnknownEdgeError(name)
        return self.edges[name]

    async def add_edge(
        self, name: str, listen: str, upstream: str, *, protocol: Protocol = "auto", enabled: bool = True
    ) -> Edge:
        """Make an edge. Raises AlreadyThereError, and OSError or ValueError if it cannot listen."""
        if name in self.edges:
            raise AlreadyThereError(name)
        edge = Edge(
            name,
            listen,
            upstream,
            protocol=protocol,
            evidence=self._evidence,
            loop=self._loop,
            timers=self._timers,
            anywhere=self.anywhere,
            traffic=Traffic() if self._counts_bytes else None,
        )
        self.edges[name] = edge
        if enabled:
            try:
                await self.enable(edge)
            except BaseException:
                del self.edges[name]
                raise
        return edge

    async def enable(self, edge: Edge) -> None:
        """Have an edge listen. Raises OSError or ValueError if it cannot; it is then disabled."""
        host, port = parse_address(edge.listen, anywhere=self.anywhere)
        wanted = format_address(host, port)
        for other in self.edges.values():
            # An edge that refuses is bound and does not listen: the system would let a second one in.
            if other is not edge and other.enabled and port and other.listen == wanted:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        await edge.enable()

    async def remove_edge(self, name: str) -> None:
        """Remove an edge with everything that is on it. Raises UnknownEdgeError."""
        edge = self.edge(name)
        del self.edges[name]
        for fault in self.faults():
            if fault.spec.edge == name:
                await self._take_off(fault, edge)
        await edge.disable()

    # -- faults -----------------------------------------------------------------------------------------

    def faults(self) -> list[ActiveFault]:
        """Return the faults that are on, in the order in which they were declared."""
        return list(self._faults.values())

    def retired(self) -> list[ActiveFault]:
        """Return the faults that were on since the recording began, and are off."""
        return self._evidence.retired(self._faults.values())

    def fault(self, fault_id: str) -> ActiveFault:
        """Return a fault that is on. Raises UnknownFaultError."""
        if fault_id not in self._faults:
            raise UnknownFaultError(fault_id)
        return self._faults[fault_id]

    async def inject(self, order: FaultOrder) -> ActiveFault:
        """Put a fault on. Raises UnknownEdgeError, AlreadyThereError or UnsuitableError."""
        spec = order.fault
        edge = self.edge(spec.edge)
        if spec.id in self._faults:
            raise AlreadyThereError(spec.id)
        _check_suits(spec, edge)
        now = monotonic_ns()
        fault = activate(spec, order.seed, now, now + order.lease_ms * NS_PER_MS)
        self._faults[spec.id] = fault
        await edge.add_fault(fault, now)
        now = monotonic_ns()
        fault.begin(now)
        if fault.flaps and spec.id in self._faults:
            self._watch_turns(fault, edge, now)
        self._watch_leases()
        return fault

    def renew(self, ids: Iterable[str], lease_ms: int) -> Renewal:
        """Let leases end `lease_ms` from now."""
        expires_at_ns = monotonic_ns() + lease_ms * NS_PER_MS
        renewed, unknown = [], []
        for fault_id in ids:
            if fault_id in self._faults:
                self._faults[fault_id].expires_at_ns = expires_at_ns
                renewed.append(fault_id)
            else:
                unknown.append(fault_id)
        self._watch_leases()
        return Renewal(renewed=renewed, unknown=unknown)

    async def remove(self, fault_id: str) -> ActiveFault:
        """Take a fault off and return it with its final counts. Raises UnknownFaultError."""
        fault = self.fault(fault_id)
        await self._take_off(fault, self.edge(fault.spec.edge))
        return fault

    async def remove_all(self) -> list[ActiveFault]:
        """Take every fault off."""
        return [await self.remove(fault.spec.id) for fault in self.faults()]

    async def _take_off(self, fault: ActiveFault, edge: Edge) -> None:
        if self._faults.pop(fault.spec.id, None) is not None:
            if fault.spec.id in self._turns:
                self._turns.pop(fault.spec.id).cancel()
            self._evidence.retire(fault)
            await edge.remove_fault(fault, monotonic_ns())

    # -- flapping ---------------------------------------------------------------------------------------

    def _watch_turns(self, fault: ActiveFault, edge: Edge, now: int) -> None:
        """Wake up when a fault that flaps is to go on or off next, seen from `now`: the moment it was last looked at.

        A turn that came since that moment is made at once; one that was slept through with the one after it is not.
        """
        # The loop rounds to 1 ms and may be early; whether it is time is looked at again.
        wait_ms = -(-(fault.next_turn_ns(now) - monotonic_ns()) // NS_PER_MS)
        self._turns[fault.spec.id] = self._loop.call_later(
            max(wait_ms, 0) / 1000, lambda: self._keep(self._turn(fault, edge))
        )

    async def _turn(self, fault: ActiveFault, edge: Edge) -> None:
        if fault.spec.id in self._turns:  # else it was taken off meanwhile
            now = monotonic_ns()
            self._watch_turns(fault, edge, now)
            await edge.turn(fault, on=fault.should_be_on(now), now=now)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    # -- leases -----------------------------------------------------------------------------------------

    def _watch_leases(self) -> None:
        """Wake up when the next lease is over."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._faults:
            wait_ns = min(fault.expires_at_ns for fault in self._faults.values()) - monotonic_ns()
            self._expiry = self._loop.call_later(max(wait_ns, NS_PER_MS) / NS_PER_S, self._expire)

    def _expire(self) -> None:
        now = monotonic_ns()
        for fault in self.faults():
            edge = self.edges.get(fault.spec.edge)  # gone: who removes it takes its faults along
            if fault.expires_at_ns <= now and edge is not None:
                self._keep(self._take_off(fault, edge))
        self._expiry = None
        self._loop.call_soon(self._watch_leases)

    # -- recording --------------------------------------------------------------------------------------

    def start_recording(self, order: MarkedRecordingOrder) -> Clock:
        """Record attempts from now on, numbered from 0; a recording that is on ends. Raises OSError."""
        clock = read_clocks()
        recording = Recording(order, self._loop)
        self.stop_recording()
        for edge in self.edges.values():
            edge.attempts = 0
        self._evidence.begin(recording)
        return clock

    def recording_state(self) -> RecordingState:
        """Say what was recorded so far."""
        recording = self._evidence.recording
        if recording is None:
            return RecordingState(active=False, rows={}, dropped={}, error=None)
        return recording.state()

    def stop_recording(self) -> RecordingEnd | None:
        """End the recording, with the attempts that are under way; None if nothing is recorded."""
        recording = self._evidence.recording
        if recording is None:
            return None
        self._evidence.recording = None
        self._end_attempts("open")
        return recording.close()

    def _end_attempts(self, reason: EndReason) -> None:
        now = monotonic_ns()
        for edge in self.edges.values():
            for connection in edge.connections:
                for attempt in connection.stream.open_attempts():
                    attempt.end(reason, now)

    async def close(self) -> None:
        """End everything: the recording is complete, every port is free, every connection is cut."""
        self.stop_recording()
        if self._expiry is not None:
            self._expiry.cancel()
        for name in list(self.edges):
            await self.remove_edge(name)
        self._timers.close()


def _check_suits(spec: EdgeFault, edge: Edge) -> None:
    if edge.protocol == "tcp" and spec.level == "request" and not fits_bytes(spec):
        raise UnsuitableError(
            f"{edge.name} is not an HTTP edge, and {spec.id} needs {Ability.HTTP}: requests, paths or headers"
        )
