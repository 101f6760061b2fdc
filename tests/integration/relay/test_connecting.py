"""The relay as a canary uses it: who asks with the token is connected, and learns how that ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from tests.integration.faultproxy.real_plane import stack_at
from tests.integration.faultproxy.rig import OK, dead_address, in_loop
from workbench.adapters.canary import Canary
from workbench.model.stack import EdgeAddress, InsideAddress
from workbench.relay import ASKING, BROKEN
from workbench.relay.__main__ import Relay

TOKEN = "secret"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _nobody_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """How an answer is told from a refusal is asked here, not how soon either comes."""
    monkeypatch.setattr("workbench.adapters.canary._TIMEOUT_S", 15.0)


@asynccontextmanager
async def _listening(handler: Handler) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await writer.drain()
    writer.close()


async def _hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def _relay() -> AsyncIterator[str]:
    async with _listening(Relay(TOKEN).waits) as relay:
        yield relay


def _canary(relay: str, listener: str, *, upstream: str = "", protocol: Literal["http", "tcp"] = "http") -> Canary:
    """Return one of a stack in containers: on the ports of this machine, it would meet the relay and nobody else."""
    inside = InsideAddress(listener=listener, upstream=upstream, relay=relay)
    edge = EdgeAddress(listener=relay, upstream=relay, protocol=protocol, inside=inside)
    stack = stack_at("").model_copy(update={"edges": {"a:b": edge}, "token": TOKEN})
    return Canary(stack, None)


async def _sent(canary: Canary, *, past_the_plane: bool = False) -> str:
    return await asyncio.to_thread(canary.send, "a:b", past_the_plane=past_the_plane)


@in_loop
async def test_a_canary_is_answered_by_who_listens_inside() -> None:
    async with _relay() as relay, _listening(_answers) as inside:
        assert "answered" == await _sent(_canary(relay, inside))


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@in_loop
async def test_nobody_listening_inside_is_a_refusal(protocol: Literal["http", "tcp"]) -> None:
    async with _relay() as relay:
        assert "refused" == await _sent(_canary(relay, dead_address(), protocol=protocol))


@in_loop
async def test_past_the_plane_is_the_callee() -> None:
    async with _relay() as relay, _listening(_answers) as inside:
        assert "answered" == await _sent(_canary(relay, dead_address(), upstream=inside), past_the_plane=True)


@in_loop
async def test_who_accepts_and_hangs_up_has_not_refused() -> None:
    async with _relay() as relay, _listening(_hangs_up) as inside:
        assert "broken" == await _sent(_canary(relay, inside))


@in_loop
async def test_a_name_that_nobody_has_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver says so at once: one that is away may take longer than any canary."""

    asked: list[str] = []

    async def unresolved(host: str, _: int) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio, "open_connection", unresolved)
    async with _relay() as relay:
        assert "broken" == await _sent(_canary(relay, "nobody.invalid:1"))
    assert ["nobody.invalid"] == asked


@in_loop
async def test_a_relay_that_is_away_is_no_refusal() -> None:
    async with _listening(_answers) as inside:
        assert "broken" == await _sent(_canary(dead_address(), inside))


@in_loop
async def test_a_relay_that_hangs_up_is_no_refusal() -> None:
    async with _listening(_hangs_up) as away, _listening(_answers) as inside:
        assert "broken" == await _sent(_canary(away, inside))


@pytest.mark.parametrize(
    "said",
    [ASKING + b"wrong 127.0.0.1:1\n", ASKING + b"127.0.0.1:1\n", b"GET / HTTP/1.1\n", b"\n"],
    ids=["wrong token", "no token", "a browser", "nothing"],
)
@in_loop
async def test_who_does_not_know_the_token_is_told_nothing(said: bytes) -> None:
    async with _relay() as relay:
        host, _, port = relay.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(said)
        assert b"" == await reader.read()
        writer.close()


@pytest.mark.parametrize("address", [b"", b"127.0.0.1", b"127.0.0.1:x", b"\xff:1"])
@in_loop
async def test_an_address_that_is_none_is_told(address: bytes) -> None:
    async with _relay() as relay:
        host, _, port = relay.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(ASKING + TOKEN.encode() + b" " + address + b"\n")
        assert BROKEN == await reader.read()
        writer.close()
