"""The control API under what no client sends: refused, alive, and nothing left behind."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import resource
import socket
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.process import TOKEN, PlaneProcess, plane_process
from tests.integration.faultproxy.rig import OK, in_loop, rigged, until
from tests.integration.faultproxy.test_refuse import taken
from workbench.faultproxy import reopening
from workbench.faultproxy.control import ControlServer
from workbench.faultproxy.options import Options


@pytest.fixture(scope="module")
def plane() -> Iterator[PlaneProcess]:
    with plane_process() as plane:
        yield plane
        assert plane.send("GET", "/health").status == 200


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = (f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", *headers)
    return "\r\n".join([*head, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers]).encode() + b"\r\n\r\n"


SHAPES = {
    "gzip that is none": (post("/proxies", b"junk", "Content-Encoding: gzip"), 400),
    "gzip": (post("/proxies", gzip.compress(b"{}"), "Content-Encoding: gzip"), 400),
    "a bomb": (post("/proxies", zlib.compress(bytes(50_000_000)), "Content-Encoding: deflate"), 400),
    "deep": (post("/proxies", b"[" * 100_000), 400),
    "deep, ours": (post("/faults", b"[" * 100_000), 400),
    "many digits": (post("/proxies", b'{"name":' + b"1" * 100_000 + b"}"), 400),
    "many digits, ours": (post("/faults", b'{"seed":' + b"1" * 100_000 + b"}"), 400),
    "half of a pair": (post("/proxies", b'{"name":"a","upstream":"\\ud800","listen":"\\ud800"}'), 500),
    "half of a pair, ours": (post("/faults", b'{"\\ud800":"\\ud800"}'), 400),
    "a charset that is none": (post("/proxies", b"{}", "Content-Type: application/json; charset=nope"), 400),
    "no UTF-8": (post("/proxies", b"\xff\xfe"), 400),
    "another expectation": (post("/proxies", b"{}", "Expect: what"), 417),
    "two lengths": (post("/proxies", b"{}", "Content-Length: 3"), 400),
    "chunks and a length": (post("/proxies", b"0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "two hosts": (get("/proxies", "Host: evil.example"), 400),
    "a long line": (get("/" + "a" * 100_000), 400),
    "a long header": (get("/proxies", "X: " + "a" * 100_000), 400),
    "NUL in a path": (get("/proxies/%00"), 404),
    "no UTF-8 in a path": (get("/proxies/%ff"), 404),
    "a path that is no URL": (get("http://[/"), 400),
    "no HTTP": (b"\0\1\2\r\n\r\n", 400),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_no_client_sends_is_refused(plane: PlaneProcess, shape: str) -> None:
    """The one 500 is what Toxiproxy answers where an address cannot be listened on."""
    sent, status = SHAPES[shape]
    with socket.create_connection(("127.0.0.1", plane.port), timeout=20) as caller:
        with suppress(ConnectionError):  # it may have said no before it has heard everything
            caller.sendall(sent)
        answer = caller.recv(4096)
    assert int(answer.split()[1]) == status
    assert plane.send("GET", "/proxies").json == {}


CHANGES = {
    "a proxy": ("/proxies/x", {"enabled": True}),
    "a new toxic": ("/proxies/x/toxics", {"type": "latency"}),
    "a toxic": ("/proxies/x/toxics/t", {"toxicity": 0.5}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_removed_while_the_body_of_its_change_comes_is_not_changed(plane: PlaneProcess, what: str) -> None:
    path, change = CHANGES[what]
    made = plane.send("POST", "/proxies", {"name": "x", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"})
    plane.send("POST", "/proxies/x/toxics", {"name": "t", "type": "noop"})
    body = json.dumps(change).encode()
    with socket.create_connection(("127.0.0.1", plane.port), timeout=20) as caller:
        caller.sendall(post(path, body, "Expect: 100-continue").removesuffix(body))
        assert caller.recv(4096).startswith(b"HTTP/1.1 100 "), "it waits for the body"
        assert plane.send("DELETE", "/proxies/x").status == 204
        caller.sendall(body)
        assert caller.recv(4096).startswith(b"HTTP/1.1 404 ")
    assert plane.send("GET", "/proxies").json == {}
    host, _, port = made.json["listen"].rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=20)


@in_loop
async def test_a_reset_has_edges_listen_that_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one cannot, it is told, and the others are as they are to be."""
    monkeypatch.setattr(reopening, "REOPEN_S", 3600.0)
    async with rigged() as rig:
        callee = await rig.callee()
        stuck = await rig.edge(callee.address)
        other = await rig.edge(callee.address, name="c:d")
        control = ControlServer(rig.plane, Options(), random.Random(1))
        api = Api(await control.start(0))
        await api.open()
        await api.ask(200, [("POST", f"/proxies/{name}/toxics", {"type": "noop"}) for name in rig.plane.edges])
        await other.disable()
        await rig.fault("down", kind="refuse")
        with taken(stuck):
            await api.ask(500, [("POST", "/reset", None)])
            assert (rig.plane.faults(), stuck.rules, other.rules) == ([], [], [])
            assert await (await rig.call(other)).get() == OK
        await api.ask(204, [("POST", "/reset", None)])
        assert await (await rig.call(stuck)).get() == OK
        api.close()
        await control.stop()


PROXIES, TOXICS_EACH = 1000, 10


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As the plane's own process has them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
@in_loop
async def test_a_thousand_proxies_and_ten_thousand_toxics_leave_nothing_behind() -> None:
    """Descriptors and tasks are those from before, with connections open on some of the proxies."""
    async with rigged() as rig:
        callee = await rig.callee()
        control = ControlServer(rig.plane, Options(), random.Random(1))
        api = Api(await control.start(0))
        await api.open()
        before, tasks = descriptors(), len(asyncio.all_tasks())

        orders = [
            {"name": f"p{number}", "listen": "127.0.0.1:0", "upstream": callee.address} for number in range(PROXIES)
        ]
        await api.ask(201, [("POST", "/populate", orders)])
        kinds = ("latency", "timeout", "bandwidth", "slicer", "slow_close")
        assert descriptors() >= before + PROXIES
        callers = [await rig.call(edge) for edge in list(rig.plane.edges.values())[:50]]
        await until(lambda: callee.connections == len(callers), "the callee to be dialled")
        for n in range(TOXICS_EACH):
            toxic = {
                "type": kinds[n % len(kinds)],
                "name": f"t{n}",
                "attributes": {"latency": 60_000, "timeout": 60_000, "delay": 60_000},
            }
            await api.ask(200, [("POST", f"/proxies/p{number}/toxics", toxic) for number in range(PROXIES)])
        assert sum(len(edge.rules) for edge in rig.plane.edges.values()) == PROXIES * TOXICS_EACH
        await api.ask(204, [("DELETE", f"/proxies/p{number}/toxics/t0", None) for number in range(PROXIES)])
        await api.ask(204, [("POST", "/reset", None)])
        assert not any(edge.rules for edge in rig.plane.edges.values())
        await api.ask(204, [("DELETE", f"/proxies/p{number}", None) for number in range(PROXIES)])

        rig.hang_up()
        await until(lambda: descriptors() <= before, "the descriptors to be gone")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "the tasks to be gone")
        assert rig.plane.edges == {}
        api.close()
        await control.stop()


class Api:
    """Asks many things one after the other on one connection, without waiting for each answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, status: int, requests: list[tuple[str, str, Any]]) -> None:
        for at in range(0, len(requests), 100):
            some = requests[at : at + 100]
            for method, path, body in some:
                content = b"" if body is None else json.dumps(body).encode()
                head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
                self._writer.write(head.encode() + content)
            for asked in some:
                assert await self._status() == status, asked[:2]

    async def _status(self) -> int:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = [int(line.partition(b":")[2]) for line in head.splitlines() if line.startswith(b"content-length")]
        await self._reader.readexactly(sum(length))
        return int(head.split()[1])

    def close(self) -> None:
        self._writer.close()
