"""Serves the collector's API over connections that it makes itself, to the relay beside a system in containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workbench.relay import GREETING, IDLE

_AGAIN_S = 0.2
"""Between two attempts to reach a relay that is away."""


class Dialler:
    """Keeps some connections to a relay waiting. `protocol` makes what speaks HTTP on each of them."""

    def __init__(self, protocol: Callable[[], asyncio.Protocol], token: str | None) -> None:
        self._protocol = protocol
        self._greeting = GREETING + (token or "").encode() + b"\n"
        self._address: str | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, address: str | None) -> None:
        """Be reachable through the relay at `host:port` from now on, and no other one."""
        if address == self._address:
            return
        await self.stop()
        self._address = address
        if address is not None:
            host, _, port = address.rpartition(":")
            self._tasks = [asyncio.create_task(self._keep(host, int(port))) for _ in range(IDLE)]

    async def stop(self) -> None:
        """Make no further connections."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, host: str, port: int) -> None:
        """Have one connection waiting: when somebody uses it, or it is lost, make the next one."""
        loop = asyncio.get_running_loop()
        while True:
            waiting = _Waiting(self._protocol())
            try:
                transport, _ = await loop.create_connection(lambda one=waiting: one, host, port)  # type: ignore[misc]
            except OSError:
                await asyncio.sleep(_AGAIN_S)
                continue
            transport.write(self._greeting)
            await waiting.over.wait()
            if waiting.lost:
                await asyncio.sleep(_AGAIN_S)


class _Waiting(asyncio.Protocol):
    """Passes everything on, and tells when the wait is over."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self.over = asyncio.Event()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.over.set()
        self._inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = not self.over.is_set()
        self.over.set()
        self._inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
