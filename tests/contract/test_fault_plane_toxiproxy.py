"""Toxiproxy's HTTP API: the built-in plane answers what the real server 2.12 was seen to answer.

Where the real server is at hand it has to tell the same stories, too, so that they cannot drift from it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.faultproxy.process import Answer, send
from tests.integration.faultproxy.toxiproxy_servers import SERVERS, ask, empty
from tests.integration.faultproxy.toxiproxy_steps import order
from tests.integration.faultproxy.toxiproxy_stories import STORIES as OF_PROXIES
from tests.integration.faultproxy.toxiproxy_toxic_stories import STORIES as OF_TOXICS

STORIES = OF_PROXIES | OF_TOXICS
PORT = re.compile(r"127\.0\.0\.1:[1-9][0-9]*")


@pytest.fixture(params=SERVERS, scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[int]:
    with SERVERS[request.param]() as port:
        yield port


@pytest.fixture
def server(running: int) -> Iterator[int]:
    """A server that is empty again afterwards."""
    yield running
    empty(running)


def seen(answer: Answer) -> Any:
    """Return an answer's JSON with ports made equal; the real server also shows its logger, which is an accident."""
    if not answer.body:
        return None
    text = answer.body.decode()
    if not answer.headers.get("content-type", "").startswith("application/json") and not text.startswith("{"):
        return text

    def without_accidents(item: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in item.items() if key != "Logger"}

    return json.loads(PORT.sub("127.0.0.1:PORT", text), object_hook=without_accidents)


@pytest.mark.parametrize("story", STORIES)
def test_answers_are_as_they_were_seen(server: int, story: str) -> None:
    for step in STORIES[story]:
        answer = ask(server, step.method, step.path, step.body)
        got = seen(answer)
        assert (step.status, step.answer) == (answer.status, got), f"{step.method} {step.path} {step.body}"


def test_errors_come_as_text(server: int) -> None:
    """The real server sets the type to JSON and then forgets it; clients parse the text."""
    answer = ask(server, "GET", "/proxies/x")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body == b'{"error":"proxy not found","status":404}\n'


def test_browsers_are_refused(server: int) -> None:
    answer = send(server, "GET", "/proxies", None, {"User-Agent": "Mozilla/5.0 (X11)"})
    assert (answer.status, answer.body) == (403, b"User agent not allowed\n")


def test_a_busy_port_is_told(server: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        busy = f"127.0.0.1:{holder.getsockname()[1]}"
        error = f"listen tcp {busy}: bind: address already in use"
        answer = ask(server, "POST", "/proxies", order("y", listen=busy))
        assert (answer.status, answer.json) == (500, {"error": error, "status": 500})
        ask(server, "POST", "/proxies", order("x"))
        assert ask(server, "PATCH", "/proxies/x", {"listen": busy}).json == {"error": error, "status": 500}
        stuck = ask(server, "GET", "/proxies/x").json
        assert (stuck["listen"], stuck["enabled"]) == (busy, False)
        answer = ask(server, "POST", "/populate", [order("p"), order("q", listen=busy)])
        assert (answer.status, answer.json["error"]) == (500, error)
        assert [made["name"] for made in answer.json["proxies"]] == ["p"]


def test_a_population_that_cannot_listen_disables_what_was_there(server: int) -> None:
    """It stays under its old address, with its toxics."""
    made = ask(server, "POST", "/proxies", order("x")).json
    ask(server, "POST", "/proxies/x/toxics", {"name": "t", "type": "latency"})
    with socket.create_server(("127.0.0.1", 0)) as holder:
        busy = f"127.0.0.1:{holder.getsockname()[1]}"
        answer = ask(server, "POST", "/populate", [order("x", listen=busy)])
        assert (answer.status, answer.json["proxies"]) == (500, None)
        (stuck,) = ask(server, "GET", "/proxies").json.values()
        assert (stuck["listen"], stuck["enabled"]) == (made["listen"], False)
        assert [toxic["name"] for toxic in stuck["toxics"]] == ["t"]
    answer = ask(server, "POST", "/populate", [order("x", listen=busy)])
    (replaced,) = ask(server, "GET", "/proxies").json.values()
    assert (replaced["listen"], replaced["enabled"], replaced["toxics"]) == (busy, True, [])
