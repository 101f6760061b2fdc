"""`python -m workbench.relay`: join each connection from inside to one that the collector has left waiting.

And connect to somebody inside for whoever asks with the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from hmac import compare_digest

from workbench.relay import ASKING, BROKEN, CONNECTED, GREETING, INSIDE_PORT, REFUSED

_WAITS_S = 5.0
"""For the collector: it may just have been started again."""
_PIECE = 65_536
_GREETED_WITHIN_S = 5.0

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """The connections that wait for somebody inside."""

    def __init__(self, token: str) -> None:
        self._greeting = GREETING + token.encode()
        self._asking = ASKING + token.encode()
        self._waiting: asyncio.Queue[Ends] = asyncio.Queue()

    async def waits(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection from outside: of the collector, or of who wants to be connected. Both know the token."""
        try:
            async with asyncio.timeout(_GREETED_WITHIN_S):
                said = await reader.readline()
        except (OSError, ValueError, TimeoutError):
            said = b""
        asking, _, address = said.rstrip(b"\n").rpartition(b" ")
        if compare_digest(said, self._greeting + b"\n"):
            self._waiting.put_nowait((reader, writer))
        elif compare_digest(asking, self._asking):
            await _connect(address.decode(errors="replace"), reader, writer)
        else:
            writer.close()

    async def comes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a connection from inside to the collector; close it if there is none."""
        try:
            async with asyncio.timeout(_WAITS_S):
                there = await self._waiting.get()
                while there[0].at_eof():  # a collector that has ended meanwhile
                    there[1].close()
                    there = await self._waiting.get()
        except TimeoutError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))


async def _connect(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect to `host:port`, and say how that ended."""
    host, _, port = address.rpartition(":")
    try:
        there = await asyncio.open_connection(host, int(port))
    except (OSError, ValueError) as error:
        writer.write(REFUSED if isinstance(error, ConnectionRefusedError) else BROKEN)
        writer.close()
        return
    writer.write(CONNECTED)
    await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _main() -> None:
    relay, told = Relay(os.environ["WORKBENCH_TOKEN"]), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    outside = await asyncio.start_server(relay.waits, "0.0.0.0", int(os.environ["WORKBENCH_CONTROL_PORT"]))
    inside = await asyncio.start_server(relay.comes, "0.0.0.0", INSIDE_PORT)
    async with outside, inside:
        await told.wait()
        os._exit(0)  # connections that are joined have nothing to finish


if __name__ == "__main__":
    asyncio.run(_main())
