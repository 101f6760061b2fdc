"""What orders needs of inventory and payments."""

from __future__ import annotations

import time

from pact import match

from target_services.orders.model import Order, State
from target_services.orders.remote import Inventory, Paid, Payments, Refusal
from tests.contract.consumers.story import Story, problem


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


def _one_of(*states: str) -> dict[str, object]:
    return {"state": match.regex(states[0], regex=f"^({'|'.join(states)})$")}


INVENTORY = (
    Story(
        "a reservation of goods that are in stock",
        "POST",
        "/v1/reservations",
        headers={"idempotency-key": "pact-new"},
        body={"product_id": 7, "quantity": 2},
        status=201,
        answer=_one_of("held", "confirmed"),
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
        understood=Refusal("out-of-stock"),
    ),
    Story(
        "a sale of what is reserved",
        "POST",
        "/v1/reservations/pact-held/confirm",
        given={"goods are reserved": {"key": "pact-held", "product_id": 7, "quantity": 2}},
        headers={"idempotency-key": "pact-held-confirm"},
        status=200,
        answer=_one_of("confirmed"),
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
        answer=_one_of("released"),
        ask=lambda edge: Inventory(edge).release(_order("pact-given-up")),
        understood=None,
    ),
    Story(
        "nothing to put back",
        "POST",
        "/v1/reservations/pact-nobody/release",
        headers={"idempotency-key": "pact-nobody-release"},
        status=404,
        answer=problem("unknown-reservation"),
        ask=lambda edge: Inventory(edge).release(_order("pact-nobody")),
        understood=None,
    ),
)

PAYMENTS = (
    Story(
        "a capture",
        "POST",
        "/v1/captures",
        headers={"idempotency-key": "pact-pay"},
        body={"order_id": "ord_of_pact-pay", "amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=201,
        answer=_one_of("captured"),
        ask=lambda edge: Payments(edge).capture(_order("pact-pay")),
        understood=None,
    ),
    Story(
        "a capture from a card that is declined",
        "POST",
        "/v1/captures",
        headers={"idempotency-key": "pact-poor"},
        body={"order_id": "ord_of_pact-poor", "amount_cents": 1299, "currency": "EUR", "card": "tok_declined"},
        status=402,
        answer=problem("payment-declined"),
        ask=lambda edge: Payments(edge).capture(_order("pact-poor", card="tok_declined")),
        understood=Refusal("payment-declined"),
    ),
    Story(
        "what became of a capture",
        "GET",
        "/v1/captures/pact-paid",
        given={"money was captured": {"key": "pact-paid", "amount_cents": 1299}},
        status=200,
        answer=_one_of("captured"),
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
        given={"money was captured": {"key": "pact-regret", "amount_cents": 1299}},
        headers={"idempotency-key": "pact-regret-refund"},
        status=200,
        answer=_one_of("refunded"),
        ask=lambda edge: Payments(edge).refund(_order("pact-regret")),
        understood=None,
    ),
    Story(
        "money given back that was never taken",
        "POST",
        "/v1/captures/pact-unheard-of/refund",
        headers={"idempotency-key": "pact-unheard-of-refund"},
        status=200,
        answer=_one_of("voided"),
        ask=lambda edge: Payments(edge).refund(_order("pact-unheard-of")),
        understood=None,
    ),
    Story(
        "a capture that comes after the order was given up",
        "POST",
        "/v1/captures",
        given={"a payment was given up": {"key": "pact-too-late"}},
        headers={"idempotency-key": "pact-too-late"},
        body={"order_id": "ord_of_pact-too-late", "amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=409,
        answer=problem("payment-voided"),
        ask=lambda edge: Payments(edge).capture(_order("pact-too-late")),
        understood=Refusal("payment-voided"),
    ),
)
