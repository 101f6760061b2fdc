"""Everything the plane holds: edges, faults with their leases, and the recording. What its APIs act on.

A fault is on when `inject` returns and nothing feels it when `remove` returns. It goes by itself when its
lease is over, whatever the API does, and a late timer does not matter to it: an expired fault hits nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from time import monotonic_ns
from typing import Any

from workbench.faultproxy.active_fault import ActiveFault, PacketInfluence, activate, fits_bytes
from workbench.faultproxy.addresses import format_address, parse_address
from workbench.faultproxy.attempt import EndReason
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.recording import Evidence, Recording, read_clocks
from workbench.faultproxy.reopening import Reopening
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
        self._reopening = Reopening(self.edges, loop)
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
        edge = self.edges[name] = self._new_edge(name, listen, upstream, protocol)
        if enabled:
            try:
                await self._listen(edge)
            except BaseException:
                if self.edges.get(name) is edge:
                    del self.edges[name]
                raise
        return edge

    async def replace_edge(
        self, old: Edge, listen: str, upstream: str, *, protocol: Protocol = "auto", enabled: bool = True
    ) -> Edge:
        """Put another edge in the place of one, and take off what is on that one.

        Raises OSError or ValueError if it cannot listen: the old one stays, disabled, with all that is on it. Raises
        AlreadyThereError if meanwhile somebody else has replaced it.
        """
        edge = self._new_edge(old.name, listen, upstream, protocol)
        await old.disable()
        if enabled:
            await self._listen(edge)
        if self.edges.get(old.name, old) is not old:
            await edge.disable()
            raise AlreadyThereError(old.name)
        self.edges[old.name] = edge
        await self._strip(old)
        return edge

    def _new_edge(self, name: str, listen: str, upstream: str, protocol: Protocol) -> Edge:
        return Edge(
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

    async def enable(self, edge: Edge) -> None:
        """Have an edge listen. Raises OSError or ValueError if it cannot; it is then disabled, if it was.

        Raises UnknownEdgeError if it has been removed.
        """
        if self.edges.get(edge.name) is not edge:
            raise UnknownEdgeError(edge.name)
        await self._listen(edge)

    async def _listen(self, edge: Edge) -> None:
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
        await self._strip(edge)

    async def _strip(self, edge: Edge) -> None:
        """Disable an edge, so that nothing has to listen again, and take off what is on it."""
        faults = [fault for fault in self.faults() if fault.spec.edge == edge.name]
        await edge.disable()
        for fault in faults:
            await self._take_off(fault, edge)

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
        try:
            await edge.add_fault(fault, now)
        except (OSError, ValueError) as error:
            if not isinstance(fault, PacketInfluence):
                raise
            self._faults.pop(spec.id, None)
            raise UnsuitableError(f"{spec.id} cannot be put on {edge.name}: {error}") from error
        now = monotonic_ns()
        fault.begin(now)
        if fault.flaps and self._faults.get(spec.id) is fault:
            self._watch_turns(fault, edge, now)
        self._watch_leases()
        return fault

    def renew(self, ids: Iterable[str], lease_ms: int) -> Renewal:
        """Let leases end `lease_ms` from now, but those that are over, even if nobody has seen that yet."""
        now = monotonic_ns()
        renewed, unknown = [], []
        for fault_id in ids:
            fault = self._faults.get(fault_id)
            if fault is None or fault.expires_at_ns <= now:
                unknown.append(fault_id)
            else:
                fault.expires_at_ns = now + lease_ms * NS_PER_MS
                renewed.append(fault_id)
        self._watch_leases()
        return Renewal(renewed=renewed, unknown=unknown)

    async def remove(self, fault_id: str) -> ActiveFault:
        """Take a fault off and return it with its final counts.

        Raises UnknownFaultError; and OSError if its edge cannot listen again, which it goes on trying.
        """
        fault = self.fault(fault_id)
        edge = self.edges.get(fault.spec.edge)
        if edge is None:  # who removes it takes its faults along
            raise UnknownFaultError(fault_id)
        await self._take_off(fault, edge)
        return fault

    async def remove_all(self) -> list[ActiveFault]:
        """Take every fault off, and return them. Raises OSError if, after that, an edge cannot listen that is to."""
        removed = []
        for fault in self.faults():
            edge = self.edges.get(fault.spec.edge)
            if edge is not None and self._faults.get(fault.spec.id) is fault:
                removed.append(fault)
                with suppress(OSError):
                    await self._take_off(fault, edge)
        for problem in await self._reopening.now():
            raise problem
        return removed

    async def _take_off(self, fault: ActiveFault, edge: Edge) -> None:
        """Take a fault off, unless that has been done: its id may be another one's by now."""
        if self._faults.get(fault.spec.id) is not fault:
            return
        del self._faults[fault.spec.id]
        if fault.spec.id in self._turns:
            self._turns.pop(fault.spec.id).cancel()
        self._evidence.retire(fault)
        try:
            await edge.remove_fault(fault, monotonic_ns())
        except OSError:
            self._reopening.later()
            raise

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
        if self._faults.get(fault.spec.id) is not fault:
            return  # it was taken off meanwhile
        now = monotonic_ns()
        self._watch_turns(fault, edge, now)
        try:
            await edge.turn(fault, on=fault.should_be_on(now), now=now)
        except OSError:
            self._reopening.later()

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
                self._keep(self._end_lease(fault, edge))
        self._expiry = None
        self._loop.call_soon(self._watch_leases)

    async def _end_lease(self, fault: ActiveFault, edge: Edge) -> None:
        with suppress(OSError):  # nobody asked, and it is tried again
            await self._take_off(fault, edge)

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
        self._reopening.stop()
        for name in list(self.edges):
            await self.remove_edge(name)
        self._timers.close()


def _check_suits(spec: EdgeFault, edge: Edge) -> None:
    if edge.protocol == "tcp" and spec.level == "request" and not fits_bytes(spec):
        raise UnsuitableError(
            f"{edge.name} is not an HTTP edge, and {spec.id} needs {Ability.HTTP}: requests, paths or headers"
        )
