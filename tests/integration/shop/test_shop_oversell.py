from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.integration.shop.stack import Shop, wait_until


def test_no_oversell_and_balanced_books_under_concurrent_buyers(make_shop: Callable[..., Shop]) -> None:
    """Seven pieces and twenty buyers: seven confirmed, thirteen cancelled for want of stock and not charged.

    On a machine without room an order may be queued for a moment (202); that changes nothing of it.
    """
    shop = make_shop(extra={"inventory": {"INVENTORY_STOCK_OF_EACH": "7"}})
    shop.start("provider", "payments", "inventory", "orders")
    keys = [str(uuid.uuid4()) for _ in range(20)]
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda key: shop.order(key, service="orders"), keys))
    assert {reply.status for reply in replies} <= {201, 202, 409}
    assert {reply.body["type"] for reply in replies if reply.status == 409} <= {"urn:shop:problem:out-of-stock"}
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0)
    assert shop.ask("GET", "/v1/stock/1", service="inventory").body["on_hand"] == 0

    records = shop.audit("orders")["records"]
    assert sorted(row["key"] for row in records) == sorted(keys)
    assert Counter(row["state"] for row in records) == {"confirmed": 7, "cancelled": 13}
    paid = {row["key"] for row in records if row["state"] == "confirmed"}
    told = {row["id"]: row["state"] for row in records}
    assert {told[reply.body["id"]] for reply in replies if reply.status == 201} <= {"confirmed"}
    assert {told[reply.body["order"]["id"]] for reply in replies if reply.status == 409} <= {"cancelled"}
    assert sorted(row["key"] for row in shop.audit("payments")["effects"]) == sorted(paid)
    assert sorted(row["key"] for row in shop.audit("provider")["effects"]) == sorted(paid)
    assert sorted(row["key"] for row in shop.audit("inventory")["effects"]) == sorted(paid)
    assert [shop.open_orders(), *(shop.audit(service)["pending"] for service in ("payments", "inventory"))] == [0, 0, 0]
