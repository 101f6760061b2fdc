"""Read from a transport in small pieces, where what is read has to be kept for a while.

Normally the loop reads up to 250 KiB at once, which is cheapest and still within what one connection may hold.
Where every piece is delayed on its own, several are held at a time, so each has to be smaller.
"""

from __future__ import annotations

import asyncio
from typing import cast

_READ_SIZE = 64 * 1024
_buffer = bytearray(_READ_SIZE)
_view = memoryview(_buffer)
# One buffer serves all connections: the loop fills it and hands it over before it reads from anyone else.


class _SmallReads(asyncio.BufferedProtocol):
    """Stands in front of a protocol and passes everything on."""

    __slots__ = ("_behind",)

    def __init__(self, behind: asyncio.Protocol) -> None:
        self._behind = behind

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - one size for all
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._behind.data_received(bytes(_view[:nbytes]))

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()


def read_in_small_pieces(transport: asyncio.ReadTransport) -> None:
    """Have a transport's protocol get pieces of 64 KiB at most, from now on."""
    protocol = transport.get_protocol()
    if isinstance(protocol, _SmallReads):
        return
    reading = transport.is_reading()
    if reading:
        transport.pause_reading()
    transport.set_protocol(_SmallReads(cast("asyncio.Protocol", protocol)))
    if reading:
        transport.resume_reading()
