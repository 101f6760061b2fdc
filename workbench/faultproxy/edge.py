"""One edge: its listener, its connections, and what is on. Names no kind of fault."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Literal

from workbench.faultproxy.active_fault import ActiveFault, Influence, PacketInfluence, RequestInfluence
from workbench.faultproxy.caller_end import CallerEnd
from workbench.faultproxy.connection import CalleeEnd, Connection
from workbench.faultproxy.http_stream import HttpStream
from workbench.faultproxy.listener import Listener
from workbench.faultproxy.raw_stream import RawStream
from workbench.faultproxy.recording import Evidence
from workbench.faultproxy.stream import Stream
from workbench.faultproxy.timers import Timers
from workbench.faultproxy.traffic import CountedCallee, CountedCaller, Traffic

Protocol = Literal["http", "tcp", "auto"]
"""`auto`: nobody said. The callee is then dialled at once, because it may be the one that speaks first."""


class ConnectionRule(Influence, ABC):
    """Something that acts on whole connections, whatever they speak, those that are open included."""

    __slots__ = ()

    @abstractmethod
    def meet(self, connection: Connection) -> None:
        """Take hold of a connection, or leave it alone."""


class Edge:
    """Connections are accepted while the edge is enabled and no fault has closed its listener."""

    def __init__(
        self,
        name: str,
        listen: str,
        upstream: str,
        *,
        protocol: Protocol,
        evidence: Evidence,
        loop: asyncio.AbstractEventLoop,
        timers: Timers | None = None,
        anywhere: bool = False,
        traffic: Traffic | None = None,
    ) -> None:
        self.name = name
        self.upstream = upstream
        self.protocol: Protocol = protocol
        self.evidence = evidence
        self.timers: Timers = loop if timers is None else timers
        """For what is delayed."""
        self.enabled = False
        self.connections: set[Connection] = set()
        self.faults: list[RequestInfluence] = []
        """In the order in which they were declared."""
        self.rules: list[ConnectionRule] = []
        self.attempts = 0
        """Counted attempts so far, which is the next ordinal; canaries are not among them."""
        self._closers: list[ActiveFault] = []
        self._on_packets: list[PacketInfluence] = []
        self._loop = loop
        self.traffic = traffic
        """Counted only where somebody wants to know."""
        self._listener = Listener(listen, self._new_caller, loop, anywhere=anywhere)
        self._changing = asyncio.Lock()

    @property
    def listen(self) -> str:
        """The real address while it is bound, else the one that was asked for."""
        return self._listener.address

    @property
    def accepts(self) -> bool:
        return self.enabled and not self._closers

    @property
    def is_stuck(self) -> bool:
        """It is to accept, and does not listen: it could not, when it was to."""
        return self.accepts and not self._listener.is_open

    def take_ordinal(self) -> int:
        """Return the number of the next attempt."""
        ordinal = self.attempts
        self.attempts += 1
        return ordinal

    # -- the listener -----------------------------------------------------------------------------------

    async def enable(self) -> None:
        """Bind and accept. Raises OSError or ValueError with the edge still disabled, if it was."""
        async with self._changing:
            was_enabled = self.enabled
            self._listener.bind()
            self.enabled = True
            try:
                self._aim(self.listen)
                await self._settle()
            except BaseException:
                if not was_enabled:
                    self.enabled = False
                    self._aim(None)
                    self._listener.release()
                raise

    async def settle(self) -> None:
        """Listen, or do not, as it is to be now. Raises OSError if it cannot."""
        async with self._changing:
            await self._settle()

    async def disable(self) -> None:
        """Give the port away and cut every connection."""
        async with self._changing:
            self.enabled = False
            self._aim(None)  # whoever has the port next is none of ours
            self._listener.release()
        self._cut_all()

    async def move(self, listen: str, upstream: str) -> None:
        """Disable it and change its addresses."""
        async with self._changing:
            self.enabled = False
            self._aim(None)
            self._listener.release()
            self._listener.move(listen)
            self.upstream = upstream
        self._cut_all()

    def callee_address(self) -> tuple[str, int]:
        """Return host and port to dial. Raises ValueError if the upstream names none."""
        host, _, port = self.upstream.rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)

    # -- connections ------------------------------------------------------------------------------------

    def _new_caller(self) -> CallerEnd:
        return CallerEnd(self, self._loop) if self.traffic is None else CountedCaller(self, self._loop, self.traffic)

    def new_callee(self, connection: Connection) -> CalleeEnd:
        """Return the callee's side of a connection, before it is dialled."""
        return CalleeEnd(connection) if self.traffic is None else CountedCallee(connection, self.traffic)

    def new_stream(self, connection: Connection) -> Stream:
        """Return who reads a connection that was just accepted."""
        return RawStream(connection, None) if self.protocol == "tcp" else HttpStream(connection)

    def begin(self, connection: Connection) -> None:
        """Take in a connection, under everything that is on. It may be over when this returns."""
        self.connections.add(connection)
        if isinstance(connection.stream, RawStream):
            connection.stream.begin()
        for rule in tuple(self.rules):
            if not connection.closed:
                rule.meet(connection)
        if self.protocol != "http":
            connection.dial()

    def _cut_all(self) -> None:
        for connection in tuple(self.connections):
            connection.cut()

    # -- what is on -------------------------------------------------------------------------------------

    async def add_fault(self, fault: ActiveFault, now: int) -> None:
        """Put a fault on. It is on when this returns. Raises OSError or ValueError if the kernel does not do it."""
        if isinstance(fault, RequestInfluence):
            self.faults.append(fault)
        elif isinstance(fault, PacketInfluence):
            fault.aim(self.listen if self.enabled else None)
            self._on_packets.append(fault)
        await self.turn(fault, on=True, now=now)

    async def remove_fault(self, fault: ActiveFault, now: int) -> None:
        """Take a fault off. Nothing feels it any more when this returns. Raises OSError if it cannot listen again."""
        if isinstance(fault, RequestInfluence):
            self.faults.remove(fault)
        await self.turn(fault, on=False, now=now)
        if isinstance(fault, PacketInfluence):
            self._on_packets.remove(fault)
            fault.aim(None)

    async def turn(self, fault: ActiveFault, *, on: bool, now: int) -> None:
        """Let a fault go on or off, as if it were put on or taken off; it keeps its place among the others."""
        changes = fault.on != on
        fault.turn(on=on, now=now)  # also if it has slept through the time in between: it is on, or off, until later
        if not changes:
            return
        if isinstance(fault, RequestInfluence):
            if not on:
                fault.lift()
                return
            for connection in tuple(self.connections):
                if not connection.closed:
                    connection.stream.meet(fault, now)
            return
        if isinstance(fault, PacketInfluence):
            if not on:
                fault.lift()
            return
        if on:
            self._closers.append(fault)
        else:
            self._closers.remove(fault)
        await self.settle()
        if on:
            self._cut_all()

    def add_rule(self, rule: ConnectionRule) -> None:
        """Put a rule on, for open connections too."""
        self.rules.append(rule)
        for connection in tuple(self.connections):
            if not connection.closed:
                rule.meet(connection)

    def remove_rule(self, rule: ConnectionRule) -> None:
        """Take a rule off."""
        self.rules.remove(rule)
        rule.lift()

    def _aim(self, address: str | None) -> None:
        """Let faults on packets meet those of another address, because this edge listens there now, or nowhere."""
        for fault in self._on_packets:
            fault.aim(address)

    async def _settle(self) -> None:
        """Bring the listener to what is wanted now, while nobody else does."""
        if not self.enabled:
            return
        if self._closers:
            self._listener.shut()
        else:
            await self._listener.open()
