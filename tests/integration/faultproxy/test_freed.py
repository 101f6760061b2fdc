"""What a connection leaves behind once it is over: nothing that the garbage collection would have to find."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.integration.faultproxy.rig import GET, Rig, dead_address, in_loop, rigged, until
from workbench.faultproxy.connection import Connection
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.http_answers import Answers
from workbench.faultproxy.http_requests import Requests
from workbench.faultproxy.http_stream import HttpStream
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.raw_stream import RawStream

PROTOCOLS: tuple[Protocol, ...] = ("http", "tcp", "auto")
UPGRADE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: words\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: words\r\n\r\n"

_OURS = (Connection, Pipe, HttpStream, Requests, Answers, RawStream)

Life = Callable[[Rig, Edge], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Nothing is freed but what nobody refers to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def _leaves(rig: Rig, edge: Edge) -> None:
    caller = await rig.call(edge)
    await caller.get()
    caller.close()


async def _finishes_sending(rig: Rig, edge: Edge) -> None:
    caller = await rig.call(edge)
    await caller.get()
    caller.writer.write_eof()
    assert await caller.gone()


async def _resets(rig: Rig, edge: Edge) -> None:
    caller = await rig.call(edge)
    await caller.get()
    caller.writer.transport.abort()


async def _says_nothing(rig: Rig, edge: Edge) -> None:
    caller = await rig.call(edge)
    caller.close()


async def _is_cut(rig: Rig, edge: Edge) -> None:
    caller = await rig.call(edge)
    await caller.get()
    await edge.disable()
    assert await caller.gone()


async def _is_reset_by_a_fault(rig: Rig, edge: Edge) -> None:
    await rig.fault("f", kind="reset")
    caller = await rig.call(edge)
    caller.writer.write(GET)
    assert await caller.gone()


async def _is_swallowed(rig: Rig, edge: Edge) -> None:
    await rig.fault("f", kind="blackhole")
    caller = await rig.call(edge)
    caller.writer.write(GET)
    await until(lambda: edge.attempts > 0, "it was read")
    await rig.plane.remove("f")
    assert await caller.gone()


async def _leaves_while_held(rig: Rig, edge: Edge) -> None:
    await rig.fault("f", kind="latency", delay="300ms")
    caller = await rig.call(edge)
    caller.writer.write(GET)
    await until(lambda: edge.attempts > 0, "it was read")
    caller.writer.transport.abort()


async def _is_sent_slowly(rig: Rig, edge: Edge) -> None:
    await rig.fault("f", kind="bandwidth", rate="1KB/s")
    caller = await rig.call(edge)
    await caller.get()
    caller.close()


LIVES: dict[str, Life] = {
    "leaves": _leaves,
    "finishes sending": _finishes_sending,
    "resets": _resets,
    "says nothing": _says_nothing,
    "is cut": _is_cut,
    "is reset by a fault": _is_reset_by_a_fault,
    "is swallowed": _is_swallowed,
    "leaves while held": _leaves_while_held,
    "is sent slowly": _is_sent_slowly,
}


def _left() -> list[str]:
    return [type(one).__name__ for one in gc.get_objects(generation=0) if isinstance(one, _OURS)]


async def _nothing_is_left() -> None:
    await until(lambda: not _left(), f"nothing is left, and not {_left()}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
@in_loop
async def test_nothing_of_a_connection_waits_for_the_garbage_collection(life: Life, protocol: Protocol) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol=protocol)
        await life(rig, edge)
        await _nothing_is_left()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_nor_of_one_that_nobody_answers(protocol: Protocol) -> None:
    async with rigged() as rig:
        caller = await rig.call(await rig.edge(dead_address(), protocol=protocol))
        caller.writer.write(GET)
        assert await caller.gone()
        await _nothing_is_left()


@in_loop
async def test_nor_of_one_that_stopped_being_http() -> None:
    async with rigged() as rig:
        caller = await rig.call(await rig.edge((await rig.callee(SWITCHED)).address))
        assert await caller.get(UPGRADE, SWITCHED) == SWITCHED
        assert "RawStream" in _left()
        caller.close()
        await _nothing_is_left()
