"""Protocols that are not HTTP/1 through the plane: every byte arrives under faults that shape, none too many else."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import pytest

from tests.integration.faultproxy.rig import Caller, in_loop, rigged, until
from workbench.faultproxy.edge import Edge, Protocol
from workbench.model.units import NS_PER_MS

Side = Literal["caller", "callee"]
Talk = list[tuple[Side, bytes]]
"""Who says what, in order; each waits until it has heard the other."""


def _pg(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack("!I", len(body))[1:] + struct.pack("!BBI", kind, flags, stream) + body


BLOB = bytes(range(256)) * 12

TALKS: dict[str, Talk] = {
    "postgresql": [
        ("caller", struct.pack("!ii", 8, 80877103)),  # SSLRequest
        ("callee", b"N"),
        ("caller", struct.pack("!ii", 22, 196608) + b"user\0me\0\0\0\0"),
        ("callee", _pg(b"R", struct.pack("!i", 0)) + _pg(b"Z", b"I")),
        ("caller", _pg(b"Q", b"select blob\0")),
        ("callee", _pg(b"T", b"\0\1blob\0") + _pg(b"D", BLOB) + _pg(b"C", b"SELECT 1\0") + _pg(b"Z", b"I")),
        ("caller", _pg(b"X", b"")),
    ],
    "redis": [
        ("caller", b"*1\r\n$4\r\nPING\r\n"),
        ("callee", b"+PONG\r\n"),
        ("caller", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % len(BLOB) + BLOB + b"\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
        ("callee", b"+OK\r\n$%d\r\n" % len(BLOB) + BLOB + b"\r\n"),
    ],
    "grpc": [
        ("caller", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"")),
        ("callee", _frame(4, 0, 0, b"\0\3\0\0\0d") + _frame(4, 1, 0, b"")),
        ("caller", _frame(4, 1, 0, b"") + _frame(1, 4, 1, b"\x83\x86\x44\x01/") + _frame(0, 1, 1, b"\0" + BLOB)),
        ("callee", _frame(1, 4, 1, b"\x88") + _frame(0, 0, 1, b"\0" + BLOB) + _frame(1, 5, 1, b"\x40")),
    ],
    "greeting": [  # the callee speaks first, as MySQL, SMTP and AMQP 1.0 brokers do
        ("callee", b"\x4a\0\0\0\x0a8.0.36\0"),
        ("caller", b"\x20\0\0\1login"),
        ("callee", b"\7\0\0\2\0\0\0\2\0\0\0"),
        ("caller", b"\1\0\0\0\x0e"),
        ("callee", BLOB),
    ],
}

PROTOCOLS: tuple[Protocol, ...] = ("tcp", "auto")

SHAPING: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "delay": "15ms", "jitter": "10ms", "distribution": "normal"},
    "latency of requests": {"kind": "latency", "delay": "10ms", "side": "request"},
    "bandwidth": {"kind": "bandwidth", "rate": "40KB/s"},
    "bandwidth of requests": {"kind": "bandwidth", "rate": "40KB/s", "side": "request"},
    "slow_drip": {"kind": "slow_drip", "chunk": 200, "every": "5ms"},
    "slicer": {"kind": "slicer", "average": 300, "variation": 299, "delay": "2ms"},
    "slicer of requests": {"kind": "slicer", "average": 50, "variation": 20, "delay": "1ms", "side": "request"},
}

CUTTING: dict[str, dict[str, Any]] = {
    "truncate": {"kind": "truncate", "after": 3},
    "reset": {"kind": "reset"},
    "accept_then_close": {"kind": "accept_then_close"},
}


def said(talk: Talk, side: Side) -> bytes:
    return b"".join(data for who, data in talk if who == side)


async def play(talk: Talk, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Say one side's part, and hear the other's; return what was heard until that was not what it should be."""
    heard = b""
    for who, data in talk:
        if who == side:
            writer.write(data)
            continue
        try:
            piece = await reader.readexactly(len(data))
        except asyncio.IncompleteReadError as error:
            return heard + error.partial
        except ConnectionError:
            return heard
        heard += piece
        if piece != data:
            break
    return heard


class Server:
    """Plays the callee's part on every connection."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            self.heard.append(await play(self.talk, "callee", reader, writer))
            await reader.read()
        writer.close()


class Scene:
    def __init__(self, rig: Any, edge: Edge, server: Server) -> None:
        self.rig = rig
        self.edge = edge
        self.server = server
        self.talk = server.talk

    async def call(self) -> bytes:
        caller: Caller = await self.rig.call(self.edge)
        try:
            return await play(self.talk, "caller", caller.reader, caller.writer)
        finally:
            caller.close()

    async def is_well(self) -> bool:
        """Tell whether both hear everything on a new connection."""
        heard = await self.call()
        await until(lambda: said(self.talk, "caller") in self.server.heard[-1:], "the callee to have heard everything")
        return heard == said(self.talk, "callee")


@asynccontextmanager
async def scene(name: str, protocol: Protocol) -> AsyncIterator[Scene]:
    async with rigged() as rig:
        server = Server(TALKS[name])
        yield Scene(rig, await rig.edge(await rig.server(server.serve), protocol=protocol), server)


@pytest.mark.parametrize("kind", SHAPING)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TALKS)
@in_loop
async def test_every_byte_arrives_though_late(name: str, protocol: Protocol, kind: str) -> None:
    async with scene(name, protocol) as it:
        fault = await it.rig.fault("f", **SHAPING[kind])
        assert await it.is_well()
        assert (fault.eligible, fault.hit) == (1, 1)
        await it.rig.plane.remove("f")
        assert await it.is_well()


@pytest.mark.parametrize("kind", CUTTING)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TALKS)
@in_loop
async def test_what_is_cut_off_is_the_beginning_of_what_was_said(name: str, protocol: Protocol, kind: str) -> None:
    """What was not, is: the next connection without the fault hears everything."""
    async with scene(name, protocol) as it:
        fault = await it.rig.fault("f", **CUTTING[kind])
        heard = await it.call()
        assert len(heard) <= CUTTING[kind].get("after", 0)
        assert said(it.talk, "callee").startswith(heard)
        assert fault.hit == 1
        await until(lambda: not it.edge.connections, "the connection to be over")
        await it.rig.plane.remove("f")
        assert await it.is_well()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TALKS)
@in_loop
async def test_a_hole_swallows_them_and_closes_when_it_is_gone(name: str, protocol: Protocol) -> None:
    async with scene(name, protocol) as it:
        await it.rig.fault("f", kind="blackhole")
        calling = asyncio.create_task(it.call())
        await until(lambda: bool(it.edge.connections), "the connection")
        await it.rig.plane.remove("f")
        heard = await calling
        assert heard == b"" or heard == said(it.talk, "callee"), "cut, or not touched if nothing had been said yet"
        assert await it.is_well()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_a_rate_is_kept_over_a_whole_transfer(protocol: Protocol) -> None:
    """Never faster; how much slower is a figure of benchmarks."""
    size = 60_000

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(b"x" * size)
            await writer.drain()
        writer.close()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(pour), protocol=protocol)
        fault = await rig.fault("f", kind="bandwidth", rate="200KB/s")
        caller = await rig.call(edge)
        start = asyncio.get_running_loop().time()
        assert len(await caller.reader.read(-1)) == size
        assert asyncio.get_running_loop().time() - start >= 0.28
        assert fault.hit == 1


@in_loop
async def test_parts_are_packets_of_their_own() -> None:
    """What is read is never more than one part, because the next one has not been sent."""

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(1000))
        await writer.drain()

    async with rigged() as rig:
        edge = await rig.edge(await rig.server(pour), protocol="tcp")
        await rig.fault("f", kind="slicer", average=100, delay=f"{20 * NS_PER_MS}ns")
        caller = await rig.call(edge)
        sizes = [len(await caller.reader.read(65536)) for _ in range(3)]
        assert all(size % 100 == 0 for size in sizes)
        assert sum(sizes) < 1000
