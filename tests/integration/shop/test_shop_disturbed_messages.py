"""Messages disturbed on purpose, straight and through RabbitMQ: the same words do the same, and what holds, holds."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.server_rabbitmq import RabbitmqServer
from tests.integration.shop.messages import CHECKOUT, buy, notified, settled, undelivered
from tests.integration.shop.stack import TOKEN, Reply, Shop, wait_until

ORDERS = 20


@pytest.fixture(params=["http", "rabbitmq"])
def make_messaging_shop(request: pytest.FixtureRequest, make_shop: Callable[..., Shop]) -> Callable[..., Shop]:
    """Shops whose messages go straight to notifications, and shops with a broker."""

    def make(**options: Any) -> Shop:
        if request.param == "http":
            return make_shop(**options)
        rabbitmq: RabbitmqServer = request.getfixturevalue("rabbitmq")
        broker = {"BROKER_URL": rabbitmq.new_host()}
        return make_shop(extra={"orders": broker, "notifications": broker}, **options)

    return make


def disturb(shop: Shop, service: str, do: str, **options: Any) -> Reply:
    wanted = {"resource": "broker", "do": do, "seed": 7, "lease_ms": 600_000, **options}
    headers = {"authorization": f"Bearer {TOKEN}"}
    return shop.ask("PUT", f"/disturbances/{do}", wanted, service=service, headers=headers)


def ended(shop: Shop, service: str, do: str) -> Any:
    """End a disturbance and return what it met."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    return shop.ask("DELETE", f"/disturbances/{do}", service=service, headers=headers).body


def buy_some(shop: Shop) -> list[str]:
    keys = [str(uuid.uuid4()) for _ in range(ORDERS)]
    assert {buy(shop, key).status for key in keys} <= {201, 202}  # a machine without room queues some
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0, within_s=60)
    return keys


@pytest.mark.parametrize("bug", ["", "consumer-not-idempotent"])
def test_delivered_twice_is_told_once_unless_the_inbox_is_ignored(
    make_messaging_shop: Callable[..., Shop], bug: str
) -> None:
    shop = make_messaging_shop(bugs=bug)
    shop.start(*CHECKOUT)
    assert disturb(shop, "notifications", "duplicate").status == 200
    keys = buy_some(shop)
    settled(shop)
    met = ended(shop, "notifications", "duplicate")
    assert met["hit"] == met["eligible"] >= ORDERS
    told = Counter(notified(shop))
    assert set(told) == set(keys)
    if bug:
        assert min(told.values()) >= 2  # more where a confirmation was late, too
    else:
        assert told == Counter(keys)


def test_delivered_out_of_order_all_are_told(make_messaging_shop: Callable[..., Shop]) -> None:
    shop = make_messaging_shop()
    shop.start(*CHECKOUT)
    assert disturb(shop, "notifications", "reorder", share=0.5).status == 200
    keys = buy_some(shop)
    settled(shop)
    met = ended(shop, "notifications", "reorder")
    assert met["hit"] > 0
    assert met["passed"] > 0
    assert Counter(notified(shop)) == Counter(keys)


@pytest.mark.parametrize("where", ["orders", "notifications"])
def test_while_the_broker_is_down_messages_wait_and_nothing_is_lost(
    make_messaging_shop: Callable[..., Shop], where: str
) -> None:
    """Orders are confirmed as ever; when it is over, all are told once."""
    shop = make_messaging_shop()
    shop.start(*CHECKOUT)
    assert disturb(shop, where, "down").status == 200
    keys = buy_some(shop)
    if where == "orders":
        assert undelivered(shop) == ORDERS
    wait_until("it to be noticed", lambda: disturb(shop, where, "down").body["hit"] > 0)
    assert notified(shop) == []
    assert ended(shop, where, "down")["hit"] > 0
    settled(shop)
    assert Counter(notified(shop)) == Counter(keys)


def test_who_only_sends_cannot_be_told_to_deliver_twice(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.start("orders")
    refused = disturb(shop, "orders", "duplicate")
    assert refused.status == 422
    assert refused.body["type"] == "urn:shop:problem:impossible-disturbance"
