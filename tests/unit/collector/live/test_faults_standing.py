"""What those who have faults say of them, as the page shows it: in the words of the services, planes and supervisor."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from workbench.collector.live import faults_standing
from workbench.collector.live.faults_standing import FaultsStanding
from workbench.collector.wire import FaultSources
from workbench.model.stack import ResourceAddress


@pytest.fixture(autouse=True)
def _nobody_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers late is taken for one that does not answer."""
    monkeypatch.setattr(faults_standing, "_TIMEOUT_S", 30.0)


@contextmanager
def saying(said: dict[str, Any]) -> Iterator[str]:
    """Serve what can be changed meanwhile; yield the address."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(said[self.path]).encode()
            self.send_response(200 if self.headers["Authorization"] == "Bearer t" else 401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_fault_that_toxiproxy_makes_and_services_count_is_one() -> None:
    """It is the supervisor's, on the resource; the services have a part in it."""
    ends = time.monotonic_ns() + 60 * 10**9
    held = {"id": "slow", "kind": "db_slow", "service": "orders-db", "expires_at_ns": ends}
    watched = {"id": "slow", "resource": "database", "do": "watch", "lease_left_ms": 59_000}
    said: dict[str, Any] = {"/held": {"faults": [held]}, "/orders": {"disturbances": [watched]}}
    with saying(said) as url:
        database = ResourceAddress(kind="database", disturb={"orders": f"{url}/orders"}, of=["orders"])
        standing = FaultsStanding("t")
        standing.ask(FaultSources(lists=[f"{url}/held"], resources={"orders-db": database}))
        asyncio.run(standing.look())
        (seen,) = standing.data()
        assert ("db_slow", "orders-db", ("orders",)) == (seen["kind"], seen["target"], seen["services"])
        assert 0 < seen["left"] <= 60
        said["/held"], said["/orders"] = {"faults": []}, {"disturbances": []}
        asyncio.run(standing.look())
        assert [] == standing.data()


def test_who_does_not_answer_keeps_what_it_had_until_that_ends() -> None:
    """A fault is not gone because nobody can say so; nor is one shown beyond its end."""
    now = time.monotonic_ns()
    said: dict[str, Any] = {
        "/plane": {
            "faults": [
                {"id": "long", "kind": "latency", "edge": "a:b", "expires_at_ns": now + 60 * 10**9},
                {"id": "over", "kind": "latency", "edge": "a:b", "expires_at_ns": now - 1},
            ]
        }
    }
    with saying(said) as url:
        standing = FaultsStanding("t")
        standing.ask(FaultSources(lists=[f"{url}/plane"]))
        asyncio.run(standing.look())
        assert ["long"] == [one["id"] for one in standing.data()]
        said["/plane"] = {"error": "it is busy", "status": 503}
        asyncio.run(standing.look())
        assert ["long"] == [one["id"] for one in standing.data()]
    asyncio.run(standing.look())  # nobody listens: it has ended, and its faults with it
    assert [] == standing.data()
