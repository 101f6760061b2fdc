"""What orders needs of inventory, payments and notifications."""

from __future__ import annotations

import time

from target_services.chassis.outbox import Message
from target_services.chassis.publisher_http import HttpPublisher
from target_services.orders.model import Order, State
from target_services.orders.remote import Inventory, Paid, Payments, Refusal
from tests.contract.consumers.story import Story, one_of, problem

OUT_OF_STOCK = Refusal("out-of-stock")


def _order(key: str, *, product: int = 7, quantity: int = 2, card: str = "tok_visa") -> Order:
    return Order(
        id=f"ord_of_{key}",
        key=key,
        customer="c1",
        product_id=product,
        quantity=quantity,
        total_cents=1299,
        currency="EUR",
        card=card,
        state=State.PENDING,
        queued=False,
        reason=None,
        tries=0,
        traceparent=None,
        run_id=None,
        created_ns=time.time_ns(),
    )


INVENTORY = (
    Story(
        "a reservation of goods that are in stock",
        "POST",
        "/v1/reservations",
        headers={"idempotency-key": "pact-new"},
        body={"product_id": 7, "quantity": 2},
        status=201,
        answer={"state": one_of("held", "confirmed")},
        ask=lambda edge: Inventory(edge).reserve(_order("pact-new")),
        understood=None,
    ),
    Story(
        "a reservation of more than there is",
        "POST",
        "/v1/reservations",
        given={"a product is sold out": {"product_id": 9}},
        headers={"idempotency-key": "pact-late"},
        body={"product_id": 9, "quantity": 1},
        status=409,
        answer=problem("out-of-stock"),
        ask=lambda edge: Inventory(edge).reserve(_order("pact-late", product=9, quantity=1)),
        understood=Refusal("out-of-stock", certain=False),
    ),
    Story(
        "a sale of what is reserved",
        "POST",
        "/v1/reservations/pact-held/confirm",
        given={"goods are reserved": {"key": "pact-held", "product_id": 7, "quantity": 2}},
        headers={"idempotency-key": "pact-held-confirm"},
        status=200,
        answer={"state": one_of("confirmed")},
        ask=lambda edge: Inventory(edge).confirm(_order("pact-held")),
        understood=None,
    ),
    Story(
        "a sale of what was never reserved",
        "POST",
        "/v1/reservations/pact-nobody/confirm",
        headers={"idempotency-key": "pact-nobody-confirm"},
        status=404,
        answer=problem("unknown-reservation"),
        ask=lambda edge: Inventory(edge).confirm(_order("pact-nobody")),
        understood=Refusal("out-of-stock"),
    ),
    Story(
        "goods put back",
        "POST",
        "/v1/reservations/pact-given-up/release",
        given={"goods are reserved": {"key": "pact-given-up", "product_id": 7, "quantity": 2}},
        headers={"idempotency-key": "pact-given-up-release"},
        status=200,
        answer={"state": one_of("released")},
        ask=lambda edge: Inventory(edge).release(_order("pact-given-up")),
        understood=None,
    ),
    Story(
        "nothing to put back",
        "POST",
        "/v1/reservations/pact-never/release",
        headers={"idempotency-key": "pact-never-release"},
        status=200,
        answer={"state": one_of("released")},
        ask=lambda edge: Inventory(edge).release(_order("pact-never")),
        understood=None,
    ),
)

PAYMENTS = (
    Story(
        "a capture",
        "POST",
        "/v1/captures",
        given={"money was captured": {"key": "pact-pay", "card": "tok_visa"}},
        headers={"idempotency-key": "pact-pay"},
        body={"order_id": "ord_of_pact-pay", "amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=201,
        answer={"state": one_of("captured")},
        ask=lambda edge: Payments(edge).capture(_order("pact-pay")),
        understood=None,
    ),
    Story(
        "a capture from a card that is declined",
        "POST",
        "/v1/captures",
        given={"a card was declined": {"key": "pact-poor", "card": "tok_declined"}},
        headers={"idempotency-key": "pact-poor"},
        body={"order_id": "ord_of_pact-poor", "amount_cents": 1299, "currency": "EUR", "card": "tok_declined"},
        status=402,
        answer=problem("payment-declined"),
        ask=lambda edge: Payments(edge).capture(_order("pact-poor", card="tok_declined")),
        understood=Refusal("payment-declined"),
    ),
    Story(
        "a capture that comes after its refund",
        "POST",
        "/v1/captures",
        given={"a capture was given up": {"key": "pact-late"}},
        headers={"idempotency-key": "pact-late"},
        body={"order_id": "ord_of_pact-late", "amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=409,
        answer=problem("payment-voided"),
        ask=lambda edge: Payments(edge).capture(_order("pact-late")),
        understood=Refusal("payment-voided"),
    ),
    Story(
        "what became of a capture",
        "GET",
        "/v1/captures/pact-paid",
        given={"money was captured": {"key": "pact-paid", "card": "tok_visa"}},
        status=200,
        answer={"state": one_of("captured")},
        ask=lambda edge: Payments(edge)._find_once(_order("pact-paid")),
        understood=Paid.YES,
    ),
    Story(
        "what became of a capture that was never asked for",
        "GET",
        "/v1/captures/pact-unheard",
        status=404,
        answer=problem("unknown-capture"),
        ask=lambda edge: Payments(edge)._find_once(_order("pact-unheard")),
        understood=Paid.UNKNOWN,
    ),
    Story(
        "money given back",
        "POST",
        "/v1/captures/pact-regret/refund",
        given={"money was captured": {"key": "pact-regret", "card": "tok_visa"}},
        headers={"idempotency-key": "pact-regret-refund"},
        status=200,
        answer={"state": one_of("refunded")},
        ask=lambda edge: Payments(edge).refund(_order("pact-regret")),
        understood=None,
    ),
    Story(
        "money given back that was never taken",
        "POST",
        "/v1/captures/pact-never/refund",
        headers={"idempotency-key": "pact-never-refund"},
        status=200,
        answer={"state": one_of("voided")},
        ask=lambda edge: Payments(edge).refund(_order("pact-never")),
        understood=None,
    ),
)

_CONFIRMED = Message(
    position=1,
    id="0c3d8a4be8f14b7d9a55d3a8f6c1e201",
    topic="order.confirmed",
    key="ord_5b0d9e7c11f24a38",
    payload=_order("pact-told").event(),
    headers={},
    tries=0,
    created_ns=1_790_000_000_000_000_000,
)

NOTIFICATIONS = (
    Story(
        "news of a confirmed order",
        "POST",
        "/v1/events",
        headers={"idempotency-key": _CONFIRMED.id},
        body=_CONFIRMED.document(),
        status=202,
        answer={"state": one_of("done")},
        ask=lambda edge: HttpPublisher(edge).publish(_CONFIRMED),
        understood=None,
    ),
)
