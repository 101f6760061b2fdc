"""What becomes of an exchange with callees that misbehave on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from target_services.chassis.resilience.http_wire import HttpClient, HttpWire
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call
from tests.ports import free_ports

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _says(content: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        await writer.drain()
        writer.close()

    return behave


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def _exchange(behave: Behaviour, times: int = 1) -> list[Answer | AttemptFailed]:
    server = await asyncio.start_server(behave, "127.0.0.1", 0)
    wire = HttpWire(HttpClient(), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await wire.open()
    results: list[Answer | AttemptFailed] = []
    try:
        async with asyncio.timeout(10):
            for _ in range(times):
                try:
                    results.append(await wire.exchange(Call("GET", "/thing"), {}))
                except AttemptFailed as failure:
                    results.append(failure)
    finally:
        await wire.close()
        server.close()
    return results


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (_says(b""), Outcome.CONNECTION_LOST),
        (_resets, Outcome.CONNECTION_LOST),
        (_says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}"), Outcome.CONNECTION_LOST),
        (_says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}"), Outcome.CONNECTION_LOST),
        (_says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), Outcome.INVALID),
        (_says(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"), Outcome.SERVER_ERROR),
        (_says(b"HTTP/1.1 429 Slow\r\ncontent-length: 0\r\nretry-after: 7\r\n\r\n"), Outcome.RATE_LIMITED),
    ],
    ids=["closed", "reset", "truncated", "torn chunk", "not HTTP", "503", "429"],
)
def test_each_way_to_fail_has_its_name(behave: Behaviour, outcome: Outcome) -> None:
    """A cut-off body is a lost connection although its status was 200."""
    (result,) = asyncio.run(_exchange(behave))
    assert isinstance(result, AttemptFailed)
    assert result.outcome is outcome
    assert result.retry_after_s == (7 if outcome is Outcome.RATE_LIMITED else None)


def test_nobody_there_is_refused() -> None:
    """Nothing was sent, and that is certain."""

    async def ask() -> None:
        wire = HttpWire(HttpClient(), f"http://127.0.0.1:{free_ports(1)[0]}")
        await wire.open()
        try:
            await wire.exchange(Call("GET", "/"), {})
        finally:
            await wire.close()

    with pytest.raises(AttemptFailed) as caught:
        asyncio.run(ask())
    assert caught.value.outcome is Outcome.CONNECT_REFUSED


def test_one_exchange_is_one_request_on_the_wire() -> None:
    """A kept connection that turns out closed fails the attempt; nothing is silently sent a second time."""
    requests = 0

    async def answers_once_per_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.close()

    first, second = asyncio.run(_exchange(answers_once_per_connection, times=2))
    assert isinstance(first, Answer)
    assert isinstance(second, AttemptFailed)
    assert second.outcome is Outcome.CONNECTION_LOST
    assert requests == 2
