"""What Toxiproxy's toxics do to connections: the same on the built-in plane and on the real server."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.faultproxy.process import callee, wait_for
from tests.integration.faultproxy.toxiproxy_servers import SERVERS, ask, empty
from tests.integration.faultproxy.toxiproxy_steps import TOXICS, order


@pytest.fixture(params=SERVERS, scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[int]:
    with SERVERS[request.param]() as port:
        yield port


@pytest.fixture
def server(running: int) -> Iterator[int]:
    """A server that is empty again afterwards."""
    yield running
    empty(running)


@dataclass
class Route:
    """An edge of the server under test, with a callee behind it."""

    server: int
    port: int
    asked: list[str]

    def add(self, kind: str, **fields: Any) -> None:
        assert ask(self.server, "POST", TOXICS, {"type": kind, "name": "t", **fields}).status == 200

    def connect(self, timeout_s: float = 20.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)


def get(connection: http.client.HTTPConnection) -> float:
    """Send a request on a kept connection; return how long it took in seconds."""
    start = time.monotonic()
    connection.request("GET", "/x")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"ok")
    return time.monotonic() - start


@pytest.fixture
def route(server: int) -> Iterator[Route]:
    with callee() as (address, asked):
        made = ask(server, "POST", "/proxies", order("x", upstream=address))
        yield Route(server, int(made.json["listen"].rpartition(":")[2]), asked)
        ask(server, "DELETE", "/proxies/x")


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency_meets_open_connections_and_goes_again(route: Route, stream: str) -> None:
    kept = route.connect()
    get(kept)
    route.add("latency", stream=stream, attributes={"latency": 80})
    assert get(kept) >= 0.08
    ask(route.server, "DELETE", TOXICS + "/t")
    assert get(kept) < 10
    kept.close()


def test_an_update_meets_open_connections(route: Route) -> None:
    kept = route.connect()
    route.add("latency", attributes={"latency": 1})
    get(kept)
    ask(route.server, "PATCH", TOXICS + "/t", {"attributes": {"latency": 80}})
    assert get(kept) >= 0.08
    kept.close()


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_timeout_without_time_swallows_until_removed(route: Route, stream: str) -> None:
    """Upstream the callee hears nothing, downstream the caller; on removal the connection is closed."""
    kept = route.connect()
    get(kept)
    route.add("timeout", stream=stream, attributes={"timeout": 0})
    kept.request("GET", "/y")
    if stream == "downstream":
        wait_for("the callee has heard", lambda: "/y" in route.asked)
    ask(route.server, "DELETE", TOXICS + "/t")
    with pytest.raises(ConnectionError):
        kept.getresponse()
    kept.close()
    assert ("/y" in route.asked) is (stream == "downstream")


def test_timeout_closes_after_its_time(route: Route) -> None:
    route.add("timeout", attributes={"timeout": 80})
    kept = route.connect()
    start = time.monotonic()
    kept.request("GET", "/x")
    with pytest.raises(ConnectionError):
        kept.getresponse()
    assert time.monotonic() - start >= 0.08
    kept.close()


def test_no_toxicity_no_effect(route: Route) -> None:
    route.add("timeout", toxicity=0.0, attributes={"timeout": 0})
    kept = route.connect()
    get(kept)
    kept.close()


def test_a_disabled_proxy_refuses_and_cuts(route: Route) -> None:
    kept = route.connect()
    get(kept)
    ask(route.server, "PATCH", "/proxies/x", {"enabled": False})
    with pytest.raises(ConnectionRefusedError):
        get(route.connect())
    with pytest.raises(ConnectionError):
        get(kept)
    kept.close()
    ask(route.server, "PATCH", "/proxies/x", {"enabled": True})
    again = route.connect()
    get(again)
    again.close()
