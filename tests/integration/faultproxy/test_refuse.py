"""Refusing: the kernel says no, the port stays ours, live connections are cut, and all is well afterwards."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.integration.faultproxy.rig import GET, OK, in_loop, rigged, until
from workbench.faultproxy import reopening
from workbench.faultproxy.edge import Edge


def port_of(edge: Edge) -> int:
    return int(edge.listen.rpartition(":")[2])


async def connect_errno(edge: Edge) -> int:
    """Return the error of a connection attempt; 0 if it succeeds."""
    with socket.socket() as caller:
        caller.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(caller, ("127.0.0.1", port_of(edge)))
        except OSError as error:
            return error.errno or -1
    return 0


@in_loop
async def test_refuse_is_refused_by_the_kernel() -> None:
    """New connections see ECONNREFUSED, live ones are cut, and all is well again afterwards."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        live = await rig.call(edge)
        assert await live.get() == OK
        await rig.fault("down", kind="refuse")
        assert await connect_errno(edge) == errno.ECONNREFUSED
        assert await live.gone()
        assert not edge.connections
        await rig.plane.remove("down")
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_refuse_keeps_the_port() -> None:
    """Nobody else can have it in the meantime, on the same address again and again."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        listen = edge.listen
        for _ in range(20):
            await rig.fault("down", kind="refuse")
            with socket.socket() as thief, pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", port_of(edge)))
            await rig.plane.remove("down")
            assert await (await rig.call(edge)).get() == OK
        assert listen == edge.listen


@in_loop
async def test_refuse_cuts_connections_that_were_not_accepted_yet() -> None:
    """A connection in the backlog is as live as any other."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        with socket.create_connection(("127.0.0.1", port_of(edge))) as waiting:
            # The loop has had no chance to accept it.
            waiting.sendall(GET)
            await rig.fault("down", kind="refuse")
            waiting.settimeout(5)
            with suppress(ConnectionError):
                assert waiting.recv(1) == b""


@in_loop
async def test_two_refusals_end_with_the_second() -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("one", kind="refuse")
        await rig.fault("two", kind="refuse")
        await rig.plane.remove("one")
        assert await connect_errno(edge) == errno.ECONNREFUSED
        await rig.plane.remove("two")
        assert await connect_errno(edge) == 0


@in_loop
async def test_a_refusal_outlives_disabling() -> None:
    """An edge that is enabled again while the fault is on still refuses."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("down", kind="refuse")
        await edge.disable()
        await edge.enable()
        assert await connect_errno(edge) == errno.ECONNREFUSED
        await rig.plane.remove("down")
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_changes_at_once_end_as_wanted() -> None:
    """Putting on and taking off in any overlap leaves the listener as the last state says."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        for number in range(20):
            on = [rig.fault(f"f{number}-{i}", kind="refuse") for i in range(3)]
            await asyncio.gather(*on)
            off = [rig.plane.remove(f"f{number}-{i}") for i in range(3)]
            await asyncio.gather(rig.fault("last", kind="refuse"), *off)
            assert await connect_errno(edge) == errno.ECONNREFUSED
            await rig.plane.remove("last")
            assert await connect_errno(edge) == 0


@in_loop
async def test_no_second_edge_takes_the_port_of_one_that_refuses() -> None:
    """The system would allow it: the socket is bound, but does not listen."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("down", kind="refuse")
        with pytest.raises(OSError, match="in use"):
            await rig.plane.add_edge("c:d", edge.listen.replace("127.0.0.1", "localhost"), callee.address)
        assert list(rig.plane.edges) == ["a:b"]
        await rig.plane.remove("down")
        assert await (await rig.call(edge)).get() == OK


@contextmanager
def taken(edge: Edge) -> Iterator[None]:
    """Listen on the port of an edge that refuses, as the system allows to whoever asks for it."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port_of(edge)))
        thief.listen()
        yield


@pytest.mark.parametrize("how", ["remove", "lease", "flap"])
@in_loop
async def test_an_edge_that_cannot_listen_again_is_tried_until_it_can(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whoever asks for the end of its fault is told, each time."""
    monkeypatch.setattr(reopening, "REOPEN_S", 0.01)
    schedule: dict[str, Any] = {"schedule": {"period": "10m", "duty": "0.02%"}} if how == "flap" else {}
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("down", kind="refuse", **schedule)
        with taken(edge):
            if how == "remove":
                with pytest.raises(OSError, match="in use"):
                    await rig.plane.remove("down")
            elif how == "lease":
                rig.plane.renew(["down"], 1)
            await until(lambda: edge.is_stuck, "the edge to have tried to listen")
            for _ in range(2):
                with pytest.raises(OSError, match="in use"):
                    await rig.plane.remove_all()
            assert rig.plane.faults() == []
        await until(lambda: not edge.is_stuck, "the edge to listen again")
        assert await (await rig.call(edge)).get() == OK


@in_loop
async def test_one_edge_that_cannot_listen_again_keeps_no_other_closed() -> None:
    """Every fault is off, and an edge may be removed without listening before."""
    async with rigged() as rig:
        callee = await rig.callee()
        stuck = await rig.edge(callee.address)
        other = await rig.edge(callee.address, name="c:d")
        await rig.fault("one", kind="refuse")
        await rig.fault("two", kind="refuse", edge="c:d")
        with taken(stuck):
            with pytest.raises(OSError, match="in use"):
                await rig.plane.remove_all()
            assert rig.plane.faults() == []
            assert await (await rig.call(other)).get() == OK
            await rig.fault("one", kind="refuse")
            await rig.fault("two", kind="refuse")
            await rig.plane.remove_edge("a:b")
        assert rig.plane.faults() == []
        assert await connect_errno(stuck) == errno.ECONNREFUSED
        assert await rig.plane.remove_all() == []


@in_loop
async def test_an_edge_that_cannot_be_enabled_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had its port, and no descriptor left to listen with."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await edge.disable()

        async def no_descriptor() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(edge._listener, "open", no_descriptor)
            with pytest.raises(OSError, match="Too many"):
                await rig.plane.enable(edge)
        assert not edge.enabled
        with socket.socket() as free:
            free.bind(("127.0.0.1", port_of(edge)))
        await rig.plane.enable(edge)
        assert await (await rig.call(edge)).get() == OK
