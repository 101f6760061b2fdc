"""What tests of messages need: a stream of orders that does not mind deaths, and what became of each."""

from __future__ import annotations

import threading
import uuid
from types import TracebackType
from typing import Any, Self

from tests.integration.shop.stack import Reply, Shop, wait_until

CHECKOUT = ("provider", "payments", "inventory", "notifications", "orders")


class Stream:
    """Orders one after the other in some threads, until it is left. `acknowledged`: keys that were confirmed."""

    def __init__(self, shop: Shop, *, buyers: int = 3) -> None:
        self._shop = shop
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._buy, daemon=True) for _ in range(buyers)]
        self.acknowledged: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for_more(self, count: int) -> None:
        """Return when so many more orders have been confirmed."""
        enough = len(self.acknowledged) + count
        wait_until(f"{count} more orders", lambda: len(self.acknowledged) >= enough, within_s=60)

    def _buy(self) -> None:
        while not self._over.is_set():
            key = str(uuid.uuid4())
            try:
                reply = buy(self._shop, key)
            except OSError:  # orders is gone, which is the point
                self._over.wait(0.05)
                continue
            if reply.status == 201:
                self.acknowledged.append(key)
            self._over.wait(0.01)


def buy(shop: Shop, key: str, *, quantity: int = 1, card: str = "tok_visa", **headers: str) -> Reply:
    """Order from orders itself, as the gateway does for customer c1."""
    body = {"product_id": 1, "quantity": quantity, "unit_price_cents": shop.price(1), "currency": "EUR", "card": card}
    whose = {"idempotency-key": key, "x-customer-id": "c1"}
    return shop.ask("POST", "/v1/orders", body, service="orders", headers=whose | headers)


def event(message_id: str, *, order: str = "ord-1", key: str = "key-1", **changes: Any) -> dict[str, Any]:
    """Return a message that tells of a confirmed order."""
    payload = {"order_id": order, "order_key": key, "customer": "c1", "total_cents": 500, "currency": "EUR"}
    envelope = {"id": message_id, "topic": "order.confirmed", "key": order, "created_ns": 1, "payload": payload}
    return envelope | changes


def post_event(shop: Shop, message: Any) -> Reply:
    """Deliver a message as the relay does."""
    return shop.ask("POST", "/v1/events", message, service="notifications")


def notified(shop: Shop) -> list[str]:
    """Return the keys of the orders that were told of, each as often as it was."""
    return [row["key"] for row in shop.audit("notifications")["effects"]]


def dead_letters(shop: Shop) -> list[dict[str, Any]]:
    """Return the messages that were put aside."""
    items: list[dict[str, Any]] = shop.ask("GET", "/v1/dead-letters", service="notifications").body["items"]
    return items


def settled(shop: Shop) -> None:
    """Wait until every order is at its end and every message has arrived."""
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0, within_s=60)
    wait_until("the outbox to be empty", lambda: undelivered(shop) == 0, within_s=60)
    wait_until("the inbox to be done", lambda: shop.audit("notifications")["pending"] == 0, within_s=60)


def undelivered(shop: Shop) -> int:
    """Return how many messages have not arrived, as orders counts them."""
    count: int = shop.audit("orders")["totals"]["outbox"]
    return count
