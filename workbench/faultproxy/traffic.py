"""Count the bytes of an edge's connections, each direction where it comes in and where it goes out.

Only for who asks for it: these ends stand in for the usual ones, whose every byte would have to pay for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from workbench.faultproxy.caller_end import CallerEnd
from workbench.faultproxy.connection import CalleeEnd, Connection

if TYPE_CHECKING:
    from workbench.faultproxy.edge import Edge

UPSTREAM, DOWNSTREAM = "upstream", "downstream"


class Traffic:
    """Bytes by direction, from the beginning of the edge, live while connections are open."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.received = {UPSTREAM: 0, DOWNSTREAM: 0}
        self.sent = {UPSTREAM: 0, DOWNSTREAM: 0}


class _CountedTransport:
    """A transport that counts what is written to it."""

    __slots__ = ("_counts", "_direction", "_transport")

    def __init__(self, transport: asyncio.Transport, counts: dict[str, int], direction: str) -> None:
        self._transport = transport
        self._counts = counts
        self._direction = direction

    def write(self, data: bytes) -> None:
        self._counts[self._direction] += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _counted(transport: asyncio.BaseTransport, traffic: Traffic, direction: str) -> asyncio.Transport:
    counted = _CountedTransport(cast("asyncio.Transport", transport), traffic.sent, direction)
    return cast("asyncio.Transport", counted)


class CountedCaller(CallerEnd):
    """The accepted side of a connection, counted."""

    __slots__ = ("_traffic",)

    def __init__(self, edge: Edge, loop: asyncio.AbstractEventLoop, traffic: Traffic) -> None:
        super().__init__(edge, loop)
        self._traffic = traffic

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_counted(transport, self._traffic, DOWNSTREAM))

    def data_received(self, data: bytes) -> None:
        self._traffic.received[UPSTREAM] += len(data)
        super().data_received(data)


class CountedCallee(CalleeEnd):
    """The dialled side of a connection, counted."""

    __slots__ = ("_traffic",)

    def __init__(self, connection: Connection, traffic: Traffic) -> None:
        super().__init__(connection)
        self._traffic = traffic

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_counted(transport, self._traffic, UPSTREAM))

    def data_received(self, data: bytes) -> None:
        self._traffic.received[DOWNSTREAM] += len(data)
        super().data_received(data)
