"""Connections that end too early, on real sockets: who sees RST, who sees an end of file, and how much came before."""

from __future__ import annotations

import asyncio
import http.client
import socket
from typing import Any

import pytest

from tests.integration.faultproxy.rig import DEADLINE_S, GET, OK, Rig, in_loop, rigged, until
from workbench.faultproxy import connection
from workbench.faultproxy.edge import Edge, Protocol

PROTOCOLS: tuple[Protocol, ...] = ("http", "tcp", "auto")


async def outcome(edge: Edge, *, kept: socket.socket | None = None, request: bytes = GET) -> bytes | type[Exception]:
    """Send a request on a blocking socket; return what came until its end, or the error that ended it."""
    host, _, port = edge.listen.rpartition(":")

    def ask() -> bytes | type[Exception]:
        came = b""
        try:  # on a busy machine the end may come before `connect` has returned
            with kept or socket.create_connection((host, int(port)), timeout=DEADLINE_S) as caller:
                caller.sendall(request)
                while piece := caller.recv(65536):
                    came += piece
        except OSError as error:
            return type(error)
        return came

    return await asyncio.to_thread(ask)


async def keep(rig: Rig, edge: Edge) -> socket.socket:
    """Return a connection that has been used, as a pool keeps it."""
    host, _, port = edge.listen.rpartition(":")

    def ask() -> socket.socket:
        caller = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        caller.sendall(GET)
        got = b""
        while len(got) < len(OK):
            got += caller.recv(65536)
        assert got == OK
        return caller

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_reset_is_seen_as_such_on_new_and_on_kept_connections(protocol: Protocol) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol=protocol)
        kept = await keep(rig, edge)
        fault = await rig.fault("reset", kind="reset")
        assert await outcome(edge, kept=kept) is ConnectionResetError
        assert await outcome(edge) is ConnectionResetError
        assert callee.heard == GET, "the callee was not called"
        assert (fault.eligible, fault.hit) == (2, 2)
        await rig.plane.remove("reset")
        assert await (await rig.call(edge)).get() == OK
        await until(lambda: all(writer.is_closing() for writer in callee.writers[:1]), "the callee's side to end")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_closing_is_an_end_of_file_and_no_reset(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the caller still sends: it gets to the end of what it has to say, and reads a clean end."""
    monkeypatch.setattr(connection, "LINGER_S", 30.0)
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol=protocol)
        kept = await keep(rig, edge)
        await rig.fault("close", kind="accept_then_close")
        assert await outcome(edge, kept=kept) == b""
        assert await outcome(edge) == b""
        large = b"POST /x HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 4_000_000
        assert await outcome(edge, request=large) == b""
        assert callee.heard == GET
        await rig.plane.remove("close")
        assert await (await rig.call(edge)).get() == OK
        await until(lambda: not edge.connections or len(edge.connections) == 1, "the others to be over")


@pytest.mark.parametrize("kind", ["reset", "accept_then_close"])
@in_loop
async def test_open_connections_without_requests_end_when_the_fault_comes_on(kind: str) -> None:
    """On HTTP edges an idle connection is left alone until it asks for something."""
    async with rigged() as rig:
        callee = await rig.callee()
        raw = await rig.edge(callee.address, protocol="tcp")
        http_edge = await rig.edge(callee.address, name="a:h")
        open_raw, open_http = await rig.call(raw), await rig.call(http_edge)
        assert (await open_raw.get(), await open_http.get()) == (OK, OK)
        await rig.fault("end", kind=kind)
        await rig.fault("end-http", kind=kind, edge="a:h")
        assert not raw.connections
        assert await open_raw.gone()
        assert len(http_edge.connections) == 1
        await rig.plane.remove("end-http")
        assert await open_http.get() == OK


@in_loop
async def test_a_share_of_requests_on_one_pool() -> None:
    """Connections of requests that are not hit stay as they are."""
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address)
        await rig.fault("reset", kind="reset", match={"path": "/bad"})
        caller = await rig.call(edge)
        for _ in range(3):
            assert await caller.get() == OK
        assert await outcome(edge, request=GET.replace(b"/x", b"/bad")) is ConnectionResetError
        assert await caller.get() == OK
        assert callee.connections == 1


@in_loop
async def test_a_client_library_tells_that_an_answer_is_not_whole() -> None:
    async with rigged() as rig:
        sized = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"
        for number, (answer, came) in enumerate(((sized, b"0123"), (chunked, b""))):
            callee = await rig.callee(answer)
            edge = await rig.edge(callee.address, name=f"a:b{number}")
            await rig.fault(f"cut{number}", edge=edge.name, kind="truncate", after=4)

            def ask(port: int = int(edge.listen.rpartition(":")[2])) -> Any:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
                connection.request("GET", "/x")
                response = connection.getresponse()
                try:
                    return response.status, response.read()
                except http.client.IncompleteRead as error:
                    return response.status, error.partial, "incomplete"
                finally:
                    connection.close()

            status, partial, *told = await asyncio.to_thread(ask)
            assert (status, told) == (200, ["incomplete"])
            assert partial in (came, b"0")


@pytest.mark.parametrize("after", [0, 1, 20])
@in_loop
async def test_a_truncated_stream_of_bytes_has_so_many(after: int) -> None:
    async with rigged() as rig:
        callee = await rig.callee()
        edge = await rig.edge(callee.address, protocol="tcp")
        await rig.fault("cut", kind="truncate", after=after)
        assert await outcome(edge) == OK[:after]
