"""Leaving without losing a request."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.shop.stack import Shop, wait_until


@dataclass
class Client:
    """Reserves over a kept connection. Told that it is to be closed, it goes on to the next instance.

    It asks again when the database was locked: two instances share a file, and one may wait too long for the other.
    """

    ports: list[int]
    stop: threading.Event
    reserved: list[str] = field(default_factory=list)
    failed: list[object] = field(default_factory=list)
    moved: bool = False

    def run(self) -> None:
        port, *others = self.ports
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        key = str(uuid.uuid4())
        while not self.stop.is_set():
            headers = {"content-type": "application/json", "idempotency-key": key}
            try:
                connection.request("POST", "/v1/reservations", '{"product_id": 1, "quantity": 1}', headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(error)
                return
            if not (answer.status == 503 and json.loads(body).get("cause") == "locked"):
                self.reserved.append(key) if answer.status == 201 else self.failed.append(answer.status)
                key = str(uuid.uuid4())
            if answer.getheader("connection") == "close" and others:
                connection.close()
                port, *others = others
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                self.moved = True
        connection.close()


def test_no_request_is_lost_when_an_instance_leaves(make_shop: Callable[..., Shop]) -> None:
    """Under steady load until it is gone: no request fails, and what was answered is in the database, once."""
    leaving = make_shop(extra={"inventory": {"DRAIN_S": "10", "FINISH_S": "10"}})
    leaving.start("inventory")
    url = leaving.environment("inventory")["DATABASE_URL"]
    staying = make_shop(extra={"inventory": {"DATABASE_URL": url}})
    staying.start("inventory")
    stop = threading.Event()
    clients = [Client([leaving.ports["inventory"], staying.ports["inventory"]], stop) for _ in range(8)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        wait_until("some load", lambda: all(len(client.reserved) > 5 for client in clients), within_s=60)
        process = leaving.processes["inventory"]
        process.send_signal(signal.SIGTERM)
        wait_until("readiness to go", lambda: leaving.ask("GET", "/readyz", service="inventory").status == 503)
        assert leaving.ask("GET", "/livez", service="inventory").status == 200
        assert process.wait(60) == 0
        at_its_end = [len(client.reserved) for client in clients]
        wait_until(
            "load on the other one",
            lambda: all(len(c.reserved) > n + 2 for c, n in zip(clients, at_its_end, strict=True)),
            within_s=60,
        )
    finally:
        stop.set()
    for thread in threads:
        thread.join(30)
    assert [failure for client in clients for failure in client.failed] == []
    assert all(client.moved for client in clients)
    kept = Counter(row["key"] for row in staying.audit("inventory")["effects"])
    assert kept == Counter(key for client in clients for key in client.reserved)


def test_what_is_in_flight_is_finished(make_shop: Callable[..., Shop]) -> None:
    """An order that payments holds up when SIGTERM arrives is answered before the process is gone."""
    shop = make_shop(extra={"orders": {"DRAIN_S": "0", "FINISH_S": "20"}})
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
    client.join(30)
    assert answers == ["queued"]
    assert orders.wait(30) == 0


def test_a_second_signal_ends_it_at_once(make_shop: Callable[..., Shop]) -> None:
    """Whoever insists does not wait for the end of draining."""
    shop = make_shop(extra={"provider": {"DRAIN_S": "30"}})
    shop.start("provider")
    process = shop.processes["provider"]
    process.send_signal(signal.SIGTERM)
    wait_until("draining to begin", lambda: shop.ask("GET", "/readyz", service="provider").status == 503)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_readiness_does_not_depend_on_others(make_shop: Callable[..., Shop]) -> None:
    """The gateway is ready although nobody is behind it; catalog serves without inventory."""
    shop = make_shop()
    shop.start("gateway", "catalog")
    product = shop.ask("GET", "/v1/products/3")
    assert (product.status, product.body["stock"], product.body["degraded"]) == (200, None, True)
