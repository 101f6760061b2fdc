"""Leaving without losing a request: not ready, serving on, finishing, gone.

On SIGTERM the service says that it is not ready, so that nobody sends it new work, and serves on for a while,
asking each client to close its connection (by `connection: close`, over gRPC by a trailer). Then it stops listening
and finishes what is in flight.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import structlog
import uvicorn

_log = structlog.get_logger(__name__)


class Draining:
    """Whether the process is on its way out."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        """Start to leave."""
        self._begun.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until draining begins, at most so long if that is said. Tells whether it has begun."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._begun.wait()
        except TimeoutError:
            return False
        return True


class DrainingServer(uvicorn.Server):
    """A server that serves on for `drain_s` after the first signal. A second one ends it at once."""

    def __init__(self, config: uvicorn.Config, draining: Draining, drain_s: float) -> None:
        super().__init__(config)
        self._draining = draining
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Leave a note only: the interpreter calls this between any two steps of the main thread."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._leave, signal.Signals(sig).name)

    def _leave(self, signal_name: str) -> None:
        if self._draining.begun:
            self.should_exit = self.force_exit = True
            return
        _log.info("draining", signal=signal_name, serving_on_s=self._drain_s)
        self._draining.begin()
        asyncio.get_running_loop().call_later(self._drain_s, setattr, self, "should_exit", True)
