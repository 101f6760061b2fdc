"""Processes that die at the worst moment."""

from __future__ import annotations

import contextlib
import signal
import threading
import uuid
from collections.abc import Callable

from tests.integration.shop.stack import Shop, wait_until

CHECKOUT = ("provider", "payments", "inventory", "orders")


def test_an_order_whose_process_was_killed_is_finished_after_a_restart(make_shop: Callable[..., Shop]) -> None:
    """Killed while payments holds its answer back: nobody was answered, and the order is confirmed later, once."""
    shop = make_shop(bugs="timeout-missing")  # until it is killed, orders waits for payments
    shop.start(*CHECKOUT)
    key = str(uuid.uuid4())
    shop.processes["payments"].send_signal(signal.SIGSTOP)
    client = threading.Thread(target=_try_to_order, args=(shop, key), daemon=True)
    client.start()
    wait_until("the order to be written down", lambda: shop.open_orders() == 1)
    wait_until("the goods to be reserved", lambda: shop.audit("inventory")["effects"])
    shop.stop("orders", signal.SIGKILL)
    client.join(10)
    shop.bugs = ""
    shop.start("orders")
    assert shop.open_orders() == 1
    shop.processes["payments"].send_signal(signal.SIGCONT)
    wait_until("the orphan to be finished", lambda: shop.open_orders() == 0)
    (record,) = shop.audit("orders")["records"]
    assert (record["key"], record["state"]) == (key, "confirmed")
    assert [row["key"] for row in shop.audit("payments")["effects"]] == [key]
    again = shop.order(key, service="orders").body
    assert (again["id"], again["state"] in ("confirmed", "queued")) == (record["id"], True)  # it may take two tries


def _try_to_order(shop: Shop, key: str) -> None:
    with contextlib.suppress(OSError):  # the connection goes away with the process, which is the point
        shop.order(key, service="orders")


def test_everything_is_still_there_after_a_restart(make_shop: Callable[..., Shop]) -> None:
    """Orders, answers to keys, stock and captures outlive their processes."""
    shop = make_shop()
    shop.start(*CHECKOUT)
    key = str(uuid.uuid4())
    first = shop.order(key, service="orders", quantity=4)
    wait_until("the order to be finished", lambda: shop.open_orders() == 0)
    before = [shop.audit(service) for service in CHECKOUT]
    for service in CHECKOUT:
        shop.stop(service, signal.SIGKILL)
    shop.start(*CHECKOUT)
    assert [shop.audit(service) for service in CHECKOUT] == before
    again = shop.order(key, service="orders", quantity=4)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert shop.ask("GET", "/v1/stock/1", service="inventory").body["on_hand"] == 1_000_000 - 4


def test_whoever_asks_for_an_orphan_that_cannot_be_finished_is_told_that_it_is_queued(
    make_shop: Callable[..., Shop],
) -> None:
    """Orders was killed, and payments is still away when it is back: 202, not "in progress" for as long as that."""
    shop = make_shop()
    shop.start(*CHECKOUT)
    key = str(uuid.uuid4())
    shop.processes["payments"].send_signal(signal.SIGSTOP)
    client = threading.Thread(target=_try_to_order, args=(shop, key), daemon=True)
    client.start()
    wait_until("the goods to be reserved", lambda: shop.audit("inventory")["effects"])
    shop.stop("orders", signal.SIGKILL)
    client.join(10)
    shop.stop("payments", signal.SIGKILL)
    shop.start("orders")
    wait_until("an answer", lambda: shop.order(key, service="orders").status == 202)
    shop.start("payments")
    wait_until("the orphan to be finished", lambda: shop.open_orders() == 0)
    (record,) = shop.audit("orders")["records"]
    assert record["state"] == "confirmed"
