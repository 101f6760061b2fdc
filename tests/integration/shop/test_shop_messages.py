"""One notification for each confirmed order, whoever dies on the way; without a broker."""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from collections.abc import Callable

from tests.integration.shop.messages import CHECKOUT, Stream, buy, dead_letters, event, notified, post_event, settled
from tests.integration.shop.stack import Shop, wait_until


def test_a_confirmed_order_is_told_once_and_to_its_customer(make_shop: Callable[..., Shop]) -> None:
    """At once, with the order's id, money and currency; nobody else is told."""
    shop = make_shop()
    shop.start(*CHECKOUT)
    reply = buy(shop, str(uuid.uuid4()), quantity=2)
    assert reply.status in (201, 202)  # a machine without room queues it
    wait_until("the notification", lambda: notified(shop))
    page = shop.ask("GET", "/v1/notifications", service="notifications", headers={"x-customer-id": "c1"}).body
    (told,) = page["items"]
    assert (told["order_id"], told["total_cents"], told["currency"], told["state"]) == (
        reply.body["id"],
        reply.body["total_cents"],
        "EUR",
        "sent",
    )
    assert page["next_cursor"] is None
    other = shop.ask("GET", "/v1/notifications", service="notifications", headers={"x-customer-id": "c2"}).body
    assert other["items"] == []


def test_notifications_are_paged_by_cursor(make_shop: Callable[..., Shop]) -> None:
    """Five in pages of two: all, once each, in order."""
    shop = make_shop()
    shop.start("notifications")
    for number in range(5):
        assert post_event(shop, event(f"message-{number}", order=f"o{number}")).status == 202
    seen: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/notifications?limit=2{cursor}"
        page = shop.ask("GET", path, service="notifications", headers={"x-customer-id": "c1"}).body
        seen += [one["order_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"o{number}" for number in range(5)]


def test_a_cancelled_order_is_not_told(make_shop: Callable[..., Shop]) -> None:
    """A declined payment: no message is written."""
    shop = make_shop()
    shop.start(*CHECKOUT)
    declined, confirmed = str(uuid.uuid4()), str(uuid.uuid4())
    assert buy(shop, declined, card="tok_declined").status in (402, 202)  # a machine without room queues it
    assert buy(shop, confirmed).status in (201, 202)
    wait_until("the notification", lambda: notified(shop))
    settled(shop)
    states = {row["key"]: row["state"] for row in shop.audit("orders")["records"]}
    assert states == {declined: "cancelled", confirmed: "confirmed"}
    assert notified(shop) == [confirmed]


def test_orders_go_on_while_notifications_is_away(make_shop: Callable[..., Shop]) -> None:
    """Nothing waits for it and nothing is lost: it is told when it comes."""
    shop = make_shop()
    shop.start(*(service for service in CHECKOUT if service != "notifications"))
    keys = [str(uuid.uuid4()) for _ in range(5)]
    replies = [buy(shop, key) for key in keys]
    assert {reply.status for reply in replies} <= {201, 202}  # a machine without room queues some
    wait_until(
        "the relay to say that nobody listens",
        lambda: shop.metric("orders", 'workbench_outbox_tries_total{end="away"}') > 0,
    )
    shop.start("notifications")
    settled(shop)
    assert sorted(notified(shop)) == sorted(keys)


def test_killing_orders_and_notifications_in_turn_loses_nothing_and_repeats_nothing(
    make_shop: Callable[..., Shop],
) -> None:
    """Four kills each in the middle of a stream of orders: exactly one notification for each confirmed one."""
    shop = make_shop()
    shop.start(*CHECKOUT)
    with Stream(shop) as stream:
        for victim in ("orders", "notifications") * 4:
            stream.wait_for_more(8)
            shop.stop(victim, signal.SIGKILL)
            shop.start(victim)
    settled(shop)
    states = {row["key"]: row["state"] for row in shop.audit("orders")["records"]}
    confirmed = [key for key, state in states.items() if state == "confirmed"]
    assert set(stream.acknowledged) <= set(confirmed)
    assert Counter(notified(shop)) == Counter(confirmed)
    assert dead_letters(shop) == []


def test_with_the_inbox_ignored_a_message_delivered_twice_is_sent_twice(make_shop: Callable[..., Shop]) -> None:
    """What the inbox is for, shown by its absence; with it, the second delivery changes nothing."""
    for bug, times in (("", 1), ("consumer-not-idempotent", 2)):
        shop = make_shop(bugs=bug)
        shop.start("notifications")
        for _ in range(2):
            assert post_event(shop, event("message-1")).status == 202
        assert notified(shop) == ["key-1"] * times
