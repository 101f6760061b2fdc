from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.integration.shop.stack import Shop, wait_until


def _key() -> str:
    return str(uuid.uuid4())


def test_the_same_request_gets_the_same_answer(shop: Shop) -> None:
    """Word for word, marked as replayed, and one order, capture and reservation in the books."""
    key = _key()
    first, second = shop.order(key), shop.order(key)
    assert first.status in (201, 202)
    assert (second.status, second.body) == (first.status, first.body)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    wait_until("all orders to be finished", lambda: shop.open_orders() == 0)
    for service in ("orders", "payments", "inventory"):
        assert [row["key"] for row in shop.audit(service)["effects"]].count(key) == 1


def test_errors_are_replayed_too(shop: Shop) -> None:
    """A declined payment stays declined, without asking anybody again."""
    key, first = shop.declined_at_once()
    second = shop.order(key, card="tok_declined")
    assert (first.status, second.status) == (402, 402)
    assert second.body["order"] == first.body["order"]


def test_another_request_under_the_same_key_is_refused(shop: Shop) -> None:
    """409, and nothing happens."""
    key = _key()
    shop.order(key, quantity=1)
    reply = shop.order(key, quantity=2)
    assert (reply.status, reply.body["type"]) == (409, "urn:shop:problem:idempotency-key-reused")


def test_somebody_elses_key_does_not_show_their_order(shop: Shop) -> None:
    """The customer is part of the request that a key belongs to."""
    key = _key()
    shop.order(key)
    reply = shop.order(key, headers=shop.logged_in("customer-2"))
    assert reply.status == 409
    assert "ord_" not in str(reply.body)


def test_the_same_key_many_times_at_once_is_one_order(shop: Shop) -> None:
    """One is worked on; the others are told that it is in progress, or get its answer."""
    key = _key()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: shop.order(key), range(8)))
    created = {reply.body["id"] for reply in replies if reply.status in (201, 202)}
    assert len(created) == 1
    waiting = [reply for reply in replies if reply.status not in (201, 202)]
    assert {reply.body["type"] for reply in waiting} <= {"urn:shop:problem:idempotency-in-progress"}
    assert all(reply.headers["retry-after"] == "1" for reply in waiting)
    assert [row["key"] for row in shop.audit("orders")["effects"]].count(key) == 1


def test_an_order_needs_a_key(shop: Shop) -> None:
    """Without one, nobody could repeat it safely."""
    body = {"product_id": 1, "quantity": 1, "unit_price_cents": shop.price(1), "card": "tok_visa"}
    assert shop.ask("POST", "/v1/orders", body, headers=shop.logged_in()).status == 422
