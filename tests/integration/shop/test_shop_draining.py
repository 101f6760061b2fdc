"""Leaving without losing a request."""

from __future__ import annotations

import http.client
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.shop.stack import Shop, wait_until


@dataclass
class Client:
    """Asks over a kept connection, opened again when the server closes it, until somebody sees that it is leaving."""

    port: int
    stop: threading.Event
    statuses: Counter[int] = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stop.is_set():
            try:
                connection.request("GET", "/v1/stock/1")
                answer = connection.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(error)
        connection.close()


def test_no_request_is_lost_while_draining(make_shop: Callable[..., Shop]) -> None:
    """Under load until readiness is gone and a moment longer: every request gets its 200; then it exits with 0."""
    shop = make_shop(extra={"inventory": {"DRAIN_S": "1.5"}})
    shop.start("inventory")
    stop = threading.Event()
    clients = [Client(shop.ports["inventory"], stop) for _ in range(8)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        wait_until("some load", lambda: all(client.statuses[200] > 5 for client in clients))
        process = shop.processes["inventory"]
        process.send_signal(signal.SIGTERM)
        wait_until("readiness to go", lambda: shop.ask("GET", "/readyz", service="inventory").status == 503, within_s=5)
        assert shop.ask("GET", "/livez", service="inventory").status == 200
        draining = sum(client.statuses[200] for client in clients)
        wait_until("requests served while draining", lambda: sum(c.statuses[200] for c in clients) > draining + 20)
    finally:
        stop.set()
    for thread in threads:
        thread.join(10)
    assert [error for client in clients for error in client.errors] == []
    assert {status for client in clients for status in client.statuses} == {200}
    assert process.wait(10) == 0


def test_what_is_in_flight_is_finished(make_shop: Callable[..., Shop]) -> None:
    """An order that payments holds up when SIGTERM arrives is answered before the process is gone."""
    shop = make_shop(extra={"orders": {"DRAIN_S": "0"}})
    shop.start("provider", "payments", "inventory", "orders")
    shop.processes["payments"].send_signal(signal.SIGSTOP)
    answers: list[str] = []
    key = str(uuid.uuid4())
    client = threading.Thread(
        daemon=True, target=lambda: answers.append(shop.order(key, service="orders").body["state"])
    )
    client.start()
    wait_until("the goods to be reserved", lambda: shop.audit("inventory")["effects"])
    orders = shop.processes["orders"]
    orders.send_signal(signal.SIGTERM)
    client.join(10)
    assert answers == ["queued"]
    assert orders.wait(10) == 0


def test_a_second_signal_ends_it_at_once(make_shop: Callable[..., Shop]) -> None:
    """Whoever insists does not wait for the end of draining."""
    shop = make_shop(extra={"provider": {"DRAIN_S": "30"}})
    shop.start("provider")
    process = shop.processes["provider"]
    process.send_signal(signal.SIGTERM)
    wait_until("draining to begin", lambda: shop.ask("GET", "/readyz", service="provider").status == 503, within_s=5)
    started_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - started_s < 10


def test_readiness_does_not_depend_on_others(make_shop: Callable[..., Shop]) -> None:
    """The gateway is ready although nobody is behind it; catalog serves without inventory."""
    shop = make_shop()
    shop.start("gateway", "catalog")
    product = shop.ask("GET", "/v1/products/3")
    assert (product.status, product.body["stock"], product.body["degraded"]) == (200, None, True)
