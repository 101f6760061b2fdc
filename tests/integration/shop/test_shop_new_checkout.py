"""The flag `new-checkout-flow`: orders are answered as queued at once, and finished by the worker."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from tests.integration.shop.stack import Reply, Shop, wait_until

CHECKOUT = ("provider", "payments", "inventory", "notifications", "orders")


def test_the_checkout_is_switched_while_it_runs(make_shop: Callable[..., Shop]) -> None:
    """On: 202 before anybody was asked, confirmed a little later, and that answer stays. Off: confirmed at once."""
    shop = make_shop()
    flags = shop.folder / "flags.json"
    flags.write_text("{}")
    shop.extra["orders"] = {"FLAGS_FILE": str(flags)}
    shop.start(*CHECKOUT)
    keys: list[str] = []

    def place() -> Reply:
        keys.append(str(uuid.uuid4()))
        return shop.order(keys[-1], service="orders")

    assert shop.order_at_once(service="orders").body["degraded"] is False
    flags.write_text('{"new-checkout-flow": true}')
    wait_until("an order to be queued at once", lambda: place().body["state"] == "queued")
    wait_until("it to be finished", lambda: shop.open_orders() == 0)
    assert {row["state"] for row in shop.audit("orders")["records"]} == {"confirmed"}
    assert shop.order(keys[-1], service="orders").status == 202
    flags.write_text('{"new-checkout-flow": false}')
    shop.order_at_once(service="orders")
