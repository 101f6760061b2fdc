"""Lists of orders, page by page."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.shop.stack import Reply, Shop


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory, database_kind: str) -> Iterator[Shop]:
    """Only orders; everything is queued."""
    shop = Shop(tmp_path_factory.mktemp("lists"))
    try:
        shop.start("orders")
        yield shop
    finally:
        shop.close()


def _place(shop: Shop, customer: str) -> str:
    reply = shop.order(str(uuid.uuid4()), service="orders", headers={"x-customer-id": customer})
    assert reply.status == 202
    return str(reply.body["id"])


def _ask(shop: Shop, path: str, customer: str = "nobody") -> Reply:
    return shop.ask("GET", path, service="orders", headers={"x-customer-id": customer})


def _walk(shop: Shop, path: str, customer: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = _ask(shop, f"{path}?limit=2{cursor}", customer).body
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


def test_a_customer_sees_his_own_orders(orders: Shop) -> None:
    """The newest first, each once; nobody else's, and not whose they are."""
    mine = [_place(orders, "lists-a") for _ in range(5)]
    _place(orders, "lists-b")
    items = _walk(orders, "/v1/orders", "lists-a")
    assert [item["id"] for item in items] == mine[::-1]
    assert not any("customer" in item or "card" in item for item in items)


def test_the_list_for_admins_has_everybodys(orders: Shop) -> None:
    """With the customer's name."""
    placed = {_place(orders, customer): customer for customer in ("lists-c", "lists-d")}
    items = {item["id"]: item["customer"] for item in _walk(orders, "/v1/admin/orders", "admin")}
    assert placed.items() <= items.items()


@pytest.mark.parametrize("query", ["cursor=bm9wZQ", "cursor=%00", "cursor="])
def test_a_cursor_that_was_not_given_out_is_refused(orders: Shop, query: str) -> None:
    reply = _ask(orders, f"/v1/orders?{query}")
    assert (reply.status, reply.body["type"]) == (400, "urn:shop:problem:bad-cursor")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=" + "a" * 300])
def test_limits_have_limits(orders: Shop, query: str) -> None:
    assert _ask(orders, f"/v1/orders?{query}").status == 422
