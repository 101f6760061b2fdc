"""A healthy shop, as its users meet it."""

from __future__ import annotations

import uuid

from target_services.goods import COUNT
from tests.integration.shop.receiver import Receiver, Span
from tests.integration.shop.stack import SERVICES, TOKEN, Shop, wait_until


def test_browsing(shop: Shop) -> None:
    """Cursors lead through at least 500 products; one of them has a badge that inventory gave."""
    seen, path = list[int](), "/v1/products?limit=100"
    while path:
        page = shop.ask("GET", path).body
        seen += [item["id"] for item in page["items"]]
        path = f"/v1/products?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert len(set(seen)) == len(seen) == COUNT >= 500
    assert shop.product_with_badge(seen[-1]).body["stock"]["level"] == "in_stock"


def test_an_order_is_paid_and_confirmed_at_once(shop: Shop) -> None:
    """201, and the same state when asked again; goods move from on hand to sold."""
    before = shop.product_with_badge(11).body["stock"]["on_hand"]
    order = shop.order_at_once(product=11, quantity=3)
    assert order.body["state"] == "confirmed"
    assert order.body["total_cents"] == 3 * shop.price(11)
    assert shop.state(order.body["id"]) == "confirmed"
    sold, rest = divmod(before - shop.product_with_badge(11).body["stock"]["on_hand"], 3)
    assert sold >= 1
    assert rest == 0


def test_a_declined_card_is_compensated(shop: Shop) -> None:
    """402; the order is cancelled, its goods are back, no money is taken."""
    before = shop.product_with_badge(12).body["stock"]["on_hand"]
    key, reply = shop.declined_at_once(product=12)
    assert (reply.body["type"], reply.body["order"]["state"]) == ("urn:shop:problem:payment-declined", "cancelled")
    states = {row["key"]: row["state"] for row in shop.audit("inventory")["effects"]}
    assert states[key] == "released"
    assert key not in {row["key"] for row in shop.audit("payments")["effects"]}
    wait_until("those that were queued to be cancelled, too", lambda: shop.open_orders() == 0)
    assert shop.product_with_badge(12).body["stock"]["on_hand"] == before


def test_errors_are_problem_documents_with_a_trace(shop: Shop) -> None:
    """Whoever says no, says it in the same form."""
    identity = shop.logged_in()
    replies = [
        shop.ask("GET", "/v1/products/99999"),
        shop.ask("GET", "/v1/products?cursor=nonsense"),
        shop.ask("GET", "/v1/orders/ord_0000000000000000", headers=identity),
        shop.ask("POST", "/v1/orders", {"product_id": 1}, headers=identity),
        shop.order(str(uuid.uuid4()), price=1),
        shop.ask("DELETE", "/v1/products"),
    ]
    assert [reply.status for reply in replies] == [404, 400, 404, 422, 409, 405]
    for reply in replies:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.body["status"] == reply.status
        assert len(reply.body["trace_id"]) == 32


def test_one_correlation_id_from_end_to_end(shop: Shop) -> None:
    """The client's word comes back and is in the log of a service three hops away."""
    word = f"walk-{uuid.uuid4().hex}"
    reply = shop.order(str(uuid.uuid4()), headers={"x-correlation-id": word})
    assert reply.headers["x-correlation-id"] == word
    wait_until("the correlation id in the log of orders", lambda: f'"correlation_id": "{word}"' in shop.log("orders"))


def test_one_request_is_one_tree_of_spans(shop: Shop, receiver: Receiver) -> None:
    """Every span of a checkout has its parent in the trace, and carries the run id."""
    root = "00f067aa0ba902b7"

    def ordered() -> list[Span] | None:
        trace_id = uuid.uuid4().hex
        headers = {"traceparent": f"00-{trace_id}-{root}-01", "baggage": "workbench.run.id=run-7"}
        if shop.order(str(uuid.uuid4()), headers=headers).status != 201:
            return None
        wait_until("its customer to be told", lambda: shop.audit("orders")["pending"] == 0)
        if not _flushed(shop):
            return None
        spans = receiver.trace(trace_id)
        attempts = [span for span in spans if "workbench.attempt" in span.attributes]
        return spans if {span.attributes["workbench.outcome"] for span in attempts} == {"ok"} else None

    spans = wait_until("an order for which everybody was asked once", ordered, within_s=60)
    assert {span.service for span in spans} == {
        "gateway",
        "orders",
        "inventory",
        "payments",
        "provider",
        "notifications",
    }
    known = {span.span_id for span in spans} | {root}
    assert all(span.parent_id in known for span in spans)
    assert {span.attributes.get("workbench.run.id") for span in spans} == {"run-7"}
    attempts = [span for span in spans if "workbench.attempt" in span.attributes]
    assert sorted(span.attributes["workbench.edge"] for span in attempts) == [
        "gateway:orders",
        "orders:inventory",
        "orders:inventory",
        "orders:notifications",
        "orders:payments",
        "payments:provider",
    ]
    for span in attempts:
        (call,) = [other for other in spans if other.span_id == span.parent_id]
        assert call.attributes["workbench.call_id"] == span.attributes["workbench.call_id"]
        assert any(other.parent_id == span.span_id for other in spans), f"nothing below {span.name}"


def test_nothing_is_lost_on_the_way_to_the_collector(shop: Shop) -> None:
    """The counter of dropped spans exists and stays as it is everywhere while those of an order are sent."""

    def dropped() -> list[float]:
        return [shop.metric(service, "workbench_spans_dropped_total") for service in SERVICES]

    def sent() -> list[float] | None:
        before = dropped()
        shop.order_at_once()
        return before if _flushed(shop) else None

    before = wait_until("the spans of an order to be sent in time", sent, within_s=60)
    assert dropped() == before


def _flushed(shop: Shop) -> bool:
    """Have all send their spans, and tell whether they did so in time."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    replies = [shop.ask("POST", "/flush", service=service, headers=headers).body for service in SERVICES]
    return all(reply == {"flushed": True} for reply in replies)
