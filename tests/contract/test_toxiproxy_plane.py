"""The adapter to the real Toxiproxy, with the real server: what the contract of all planes does not ask."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from toxiproxy import api

from tests.integration.faultproxy.process import callee, send, wait_for
from tests.integration.faultproxy.real_plane import RealPlane, real_plane, stack_at
from workbench.adapters.toxics import Toxic
from workbench.adapters.toxiproxy_client import ServerRefused, ToxiproxyClient
from workbench.adapters.toxiproxy_plane import ToxiproxyPlane
from workbench.errors import HarnessError
from workbench.faultproxy.wire import ProxyOrder
from workbench.model.faults.base import EdgeFault
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.latency import Latency
from workbench.model.faults.refuse import Refuse
from workbench.model.units import Duration

EDGE, OTHER = "orders:payments", "orders:inventory"
LATE = Latency(id="late", edge=EDGE, delay=Duration.parse("800ms"), jitter=Duration.parse("100ms"))


@pytest.fixture(scope="module")
def running() -> Iterator[RealPlane]:
    with real_plane() as plane:
        yield plane


@pytest.fixture
def plane(running: RealPlane) -> Iterator[RealPlane]:
    """A server with two edges to one callee."""
    with callee() as (upstream, _):
        running.create_proxies(
            [ProxyOrder(name=name, listen="127.0.0.1:0", upstream=upstream) for name in (EDGE, OTHER)]
        )
        yield running
        running.server.reset()


def put_on(plane: RealPlane, *faults: EdgeFault) -> None:
    for fault in faults:
        plane.plane.inject(fault, 1, 4_000)


def another(plane: RealPlane) -> ToxiproxyPlane:
    """A plane that has put nothing on itself, such as that of `workbench heal`."""
    return ToxiproxyPlane(stack_at(plane.url), None)


def post(plane: RealPlane, path: str, body: Any) -> None:
    """Do as somebody else does who knows the server."""
    assert 200 == send(int(plane.url.rpartition(":")[2]), "POST", path, json.dumps(body), {}).status


def test_a_fault_is_the_toxic_of_its_name(plane: RealPlane) -> None:
    put_on(plane, LATE)
    (toxic,) = plane.server.proxies()[EDGE].toxics
    assert ("late", "latency", "downstream", 1.0) == (toxic.name, toxic.type, toxic.stream, toxic.toxicity)
    assert {"latency": 800, "jitter": 100} == toxic.attributes
    assert [] == plane.server.proxies()[OTHER].toxics


def test_the_server_alone_tells_what_is_on(plane: RealPlane) -> None:
    put_on(plane, LATE, Blackhole(id="hole", edge=OTHER), Refuse(id="shut", edge=EDGE))
    seen = {(state.id, state.target) for state in another(plane).faults()}
    assert {("late", EDGE), ("hole", OTHER), ("shut", EDGE)} == seen


def test_whoever_comes_later_can_undo_it(plane: RealPlane) -> None:
    put_on(plane, LATE, Blackhole(id="hole", edge=OTHER), Refuse(id="shut", edge=EDGE))
    for name in ("late", "hole", "shut"):
        last = another(plane).undo(name)
        assert last is not None
        assert name == last.id
    assert [] == plane.plane.faults()
    assert all(proxy.enabled and not proxy.toxics for proxy in plane.server.proxies().values())


def test_what_somebody_else_has_done_is_seen_and_undone(plane: RealPlane) -> None:
    post(plane, f"/proxies/{EDGE}/toxics", {"type": "slow_close", "attributes": {"delay": 5}})
    post(plane, f"/proxies/{OTHER}", {"enabled": False})
    seen = {(state.id, state.target, state.kind) for state in plane.plane.faults()}
    assert {("slow_close_downstream", EDGE, "slow_close"), ("disabled", OTHER, "disabled")} == seen
    for state in plane.plane.faults():
        plane.plane.undo(state.id)
    assert [] == plane.plane.faults()


def test_an_edge_stays_closed_until_the_last_fault_that_closes_it_is_off(plane: RealPlane) -> None:
    put_on(plane, Refuse(id="one", edge=EDGE), Refuse(id="two", edge=EDGE))
    plane.plane.undo("one")
    assert not plane.server.proxies()[EDGE].enabled
    assert ["two"] == [state.id for state in plane.plane.faults()]
    plane.plane.undo("two")
    assert plane.server.proxies()[EDGE].enabled


def test_a_removal_that_fails_once_leaves_the_edge_open(plane: RealPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a reader that stalls and then leaves: the proxy is disabled for a moment, and what is left opens it."""
    put_on(plane, LATE)
    adapter, remove, failures = another(plane), ToxiproxyClient.remove, [HarnessError("too late")]

    def fail_once(client: ToxiproxyClient, proxy: str, toxic: str) -> bool:
        if failures:
            raise failures.pop()
        assert not client.proxies()[proxy].enabled
        return remove(client, proxy, toxic)

    monkeypatch.setattr(ToxiproxyClient, "remove", fail_once)
    assert adapter.undo("late") is not None
    assert [] == adapter.faults()
    assert plane.server.proxies()[EDGE].enabled


def test_a_server_that_forgot_its_toxics_is_found_out_at_the_next_renewal(plane: RealPlane) -> None:
    put_on(plane, LATE)
    assert [] == plane.plane.renew(["late"], 4_000)
    plane.server.reset()
    assert ["late"] == plane.plane.renew(["late"], 4_000)
    assert plane.plane.undo("late") is None


def test_undoing_under_readers_that_have_stalled_ends_by_its_deadline() -> None:
    """The server hangs, and answers nobody: who waits for it is told, and the supervisor replaces it."""
    with real_plane() as plane, socket.create_server(("127.0.0.1", 0)) as flood:
        threading.Thread(target=_pour, args=(flood,), daemon=True).start()
        upstream = f"127.0.0.1:{flood.getsockname()[1]}"
        (proxy,) = plane.create_proxies([ProxyOrder(name=EDGE, listen="127.0.0.1:0", upstream=upstream)])
        put_on(plane, LATE)
        host, _, port = proxy.listen.rpartition(":")
        with socket.create_connection((host, int(port))) as stalled:
            stalled.sendall(b"go")
            wait_for("bytes have come through", lambda: len(stalled.recv(1, socket.MSG_PEEK)) == 1)
            _settle(stalled)
            hasty = ToxiproxyPlane(stack_at(plane.url), None, deadline_s=1.0)
            with pytest.raises(HarnessError, match="within 1 s"):
                hasty.undo("late")


def _pour(flood: socket.socket) -> None:
    connection, _ = flood.accept()
    with connection:
        connection.recv(2)
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            pass


def _settle(stalled: socket.socket) -> None:
    """Wait until no more bytes arrive, although nobody takes them."""
    before = -1
    while (waiting := len(stalled.recv(1 << 24, socket.MSG_PEEK))) != before:
        before = waiting
        threading.Event().wait(1.0)


def test_a_toxic_can_be_changed(plane: RealPlane) -> None:
    put_on(plane, LATE)
    plane.server.update(EDGE, "late", {"latency": 5}, toxicity=0.5)
    (toxic,) = plane.server.proxies()[EDGE].toxics
    assert ({"latency": 5, "jitter": 100}, 0.5) == (toxic.attributes, toxic.toxicity)


def test_errors_have_types_and_say_what_was_refused(plane: RealPlane) -> None:
    server = plane.server
    with pytest.raises(ServerRefused, match="proxy not found") as unknown:
        server.add("orders:nobody", Toxic("t", "latency", "downstream", {}))
    assert (404, True) == (unknown.value.status, unknown.value.hint is not None)
    with pytest.raises(ServerRefused, match="invalid toxic type") as strange:
        server.add(EDGE, Toxic("t", "gremlin", "downstream", {}))
    assert 400 == strange.value.status
    put_on(plane, LATE)
    with pytest.raises(ServerRefused, match="toxic already exists") as taken:
        put_on(plane, LATE)
    assert 409 == taken.value.status
    assert not server.remove(EDGE, "never")
    with pytest.raises(ServerRefused, match="not found"):
        server.update(EDGE, "never", {"latency": 1})


def test_a_busy_port_is_told(plane: RealPlane) -> None:
    """The package alone dies of a KeyError here."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        busy = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(ServerRefused, match="address already in use") as refused:
            plane.server.create("a:b", busy, "127.0.0.1:1")
    assert 500 == refused.value.status


def test_a_server_that_is_gone_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(HarnessError, match="did not list its proxies") as gone:
            ToxiproxyPlane(stack_at(url), None).faults()
    assert gone.value.hint is not None


def test_a_server_that_does_not_answer_is_told_by_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ToxiproxyClient(f"http://127.0.0.1:{silent.getsockname()[1]}", deadline_s=0.1)
        with pytest.raises(HarnessError, match=r"did not reset it within 0\.1 s"):
            client.reset()


def test_another_server_s_answer_is_not_mistaken() -> None:
    with callee() as (address, _), pytest.raises(HarnessError, match="cannot be understood"):
        ToxiproxyClient(f"http://{address}").proxies()


def test_the_package_is_left_as_it_was(plane: RealPlane) -> None:
    """Its address is a class's: others in this process may use it for a server of their own."""
    api.APIConsumer.host, api.APIConsumer.port = "example.invalid", 1
    try:
        plane.server.proxies()
        with pytest.raises(ServerRefused):
            plane.server.update(EDGE, "never", {})
        assert ("example.invalid", 1) == (api.APIConsumer.host, api.APIConsumer.port)
        assert api.requests is requests
    finally:
        api.APIConsumer.host, api.APIConsumer.port = "127.0.0.1", 8474


def test_two_servers_at_once_are_not_mixed_up(plane: RealPlane) -> None:
    with real_plane() as second:
        seen: dict[str, set[str]] = {}

        def ask(name: str, client: ToxiproxyClient) -> None:
            seen[name] = {str(sorted(client.proxies())) for _ in range(30)}

        asking = [
            threading.Thread(target=ask, args=(name, one.server))
            for name, one in (("first", plane), ("second", second))
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    assert {"first": {str(sorted([EDGE, OTHER]))}, "second": {"[]"}} == seen


def test_the_version_is_known(running: RealPlane) -> None:
    assert running.server.version().split(".")[0] == "2"


def test_connections_of_a_hole_end_with_it(plane: RealPlane) -> None:
    """Open ones that wait, those that are kept idle, and those whose callee would keep its half open."""
    host, _, port = plane.server.proxies()[EDGE].listen.rpartition(":")
    kept = http.client.HTTPConnection(host, int(port), timeout=20)
    kept.request("GET", "/x")
    kept.getresponse().read()
    put_on(plane, Blackhole(id="hole", edge=EDGE))
    waiting = socket.create_connection((host, int(port)), timeout=20)
    waiting.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    plane.plane.undo("hole")
    assert b"" == waiting.recv(1)
    assert kept.sock is not None
    assert b"" == kept.sock.recv(1)
    waiting.close()
    kept.close()
