"""The accepted side of a connection, where one begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from workbench.faultproxy.connection import Connection

if TYPE_CHECKING:
    from workbench.faultproxy.edge import Edge


class CallerEnd(asyncio.Protocol):
    """The accepted side of a connection."""

    __slots__ = ("_connection", "_edge", "_loop")

    def __init__(self, edge: Edge, loop: asyncio.AbstractEventLoop) -> None:
        self._edge = edge
        self._loop = loop
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        caller = cast("asyncio.Transport", transport)
        if not self._edge.accepts:
            caller.abort()
            return
        caller.set_write_buffer_limits(high=0)
        self._connection = Connection(self._edge, caller, self._loop)
        self._edge.begin(self._connection)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None and not self._connection.closed:
            self._connection.stream.request_bytes(data)

    def eof_received(self) -> bool:
        if self._connection is not None:
            self._connection.caller_done()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connection.caller_lost(exc)

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.down.block()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.down.unblock()
