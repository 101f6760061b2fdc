"""A plane in the test's own event loop, with real sockets on both sides."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import uvloop

from tests.ports import free_ports
from workbench.faultproxy.active_fault import ActiveFault
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.wire import FaultOrder

P = ParamSpec("P")

DEADLINE_S = 120.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
MINUTE_MS = 60_000

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in a loop of its own, with a deadline; it has to leave no task behind."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(DEADLINE_S):
                await test(*args, **kwargs)

        uvloop.run(bounded())

    return run


async def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S / 2) -> None:
    """Wait until something holds. Raises AssertionError that says what did not."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited {deadline_s} s for: {what}"
        await asyncio.sleep(0.005)


@dataclass
class Callee:
    """A server that remembers what it read, and answers each request the same way."""

    answer: bytes = OK
    heard: bytes = b""
    connections: int = 0
    address: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.heard.count(b"\r\n\r\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        pending = b""
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.heard += data
                pending += data
                while b"\r\n\r\n" in pending:
                    _, _, pending = pending.partition(b"\r\n\r\n")
                    writer.write(self.answer)
        writer.close()


@dataclass
class Caller:
    """One connection to an edge."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def get(self, request: bytes = GET, answer: bytes = OK) -> bytes:
        """Send a request and read as much as a good answer is long; less if the connection ends."""
        self.writer.write(request)
        try:
            return await self.reader.readexactly(len(answer))
        except asyncio.IncompleteReadError as error:
            return error.partial

    async def status(self, request: bytes = GET) -> int:
        """Send a request; return the answer's status, with its body read."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2]) for line in head.lower().splitlines() if line.startswith(b"content-length")
        )
        await self.reader.readexactly(length)
        return int(head.split()[1])

    async def gone(self) -> bool:
        """Wait until the other side ends the connection; return whether nothing more came."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


class Rig:
    """A plane with callees behind it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.plane = Plane(self.loop)
        self._servers: list[asyncio.Server] = []
        self._callers: list[Caller] = []

    async def server(self, handler: Handler) -> str:
        """Start a callee; return its address."""
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def callee(self, answer: bytes = OK) -> Callee:
        callee = Callee(answer)
        callee.address = await self.server(callee.serve)
        return callee

    async def edge(self, upstream: str, name: str = "a:b", protocol: Protocol = "http") -> Edge:
        return await self.plane.add_edge(name, "127.0.0.1:0", upstream, protocol=protocol)

    async def call(self, edge: Edge) -> Caller:
        """Connect to an edge."""
        host, _, port = edge.listen.rpartition(":")
        caller = Caller(*await asyncio.open_connection(host, int(port), limit=1 << 24))
        self._callers.append(caller)
        return caller

    async def fault(self, fault_id: str, *, seed: int = 1, lease_ms: int = MINUTE_MS, **fields: Any) -> ActiveFault:
        declared = {"id": fault_id, "edge": "a:b", **fields}
        return await self.plane.inject(
            FaultOrder.model_validate({"fault": declared, "seed": seed, "lease_ms": lease_ms})
        )

    def hang_up(self) -> None:
        """Close every caller's connection."""
        while self._callers:
            self._callers.pop().close()

    async def close(self) -> None:
        await self.plane.close()
        self.hang_up()
        for server in self._servers:
            server.close()


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    rig = Rig()
    try:
        yield rig
    finally:
        await rig.close()


def dead_address() -> str:
    """Return an address on which nobody listens, also not a moment later."""
    return f"127.0.0.1:{free_ports(1)[0]}"
