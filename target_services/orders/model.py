"""An order, its states, and what a client is told about it. Pure: no database, no network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from target_services.chassis import idempotency
from target_services.chassis.problems import Problem


class State(StrEnum):
    """How far the saga has come: pending, reserved, paid, confirmed; or compensating, cancelled."""

    PENDING = "pending"
    RESERVED = "reserved"
    PAID = "paid"
    CONFIRMED = "confirmed"
    COMPENSATING = "compensating"
    CANCELLED = "cancelled"


FINAL = frozenset({State.CONFIRMED, State.CANCELLED})

QUEUED = "queued"
"""What clients are told of an order that will be finished later."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a customer asks for. `card` is a token of the provider, never a card number."""

    customer: str
    product_id: int
    quantity: int
    unit_price_cents: int
    currency: str
    card: str

    def digest(self) -> str:
        """Return what tells this request from any other under the same key."""
        return idempotency.digest(
            self.customer, self.product_id, self.quantity, self.unit_price_cents, self.currency, self.card
        )


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored. `queued`: it was handed to the worker, and its client knows."""

    id: str
    key: str
    customer: str
    product_id: int
    quantity: int
    total_cents: int
    currency: str
    card: str
    state: State
    queued: bool
    reason: str | None
    tries: int
    traceparent: str | None
    run_id: str | None
    created_ns: int

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def shown_state(self) -> str:
        return shown(self.state, queued=self.queued)

    def document(self) -> dict[str, object]:
        """Return what a client is told."""
        return {
            "id": self.id,
            "state": self.shown_state,
            "product_id": self.product_id,
            "quantity": self.quantity,
            "total_cents": self.total_cents,
            "currency": self.currency,
            "reason": self.reason,
            "degraded": self.shown_state == QUEUED,
        }

    def event(self) -> dict[str, object]:
        """Return what others are told of it."""
        return {
            "order_id": self.id,
            "order_key": self.key,
            "customer": self.customer,
            "total_cents": self.total_cents,
            "currency": self.currency,
        }


def shown(state: State, *, queued: bool) -> str:
    """Return the state of an order as clients see it."""
    waiting = queued and state in (State.PENDING, State.RESERVED, State.PAID)
    return QUEUED if waiting else state.value


def answer_to(order: Order) -> tuple[int, dict[str, object]]:
    """Return status and body with which an order is answered when it is placed."""
    if order.state is State.CONFIRMED:
        return 201, order.document()
    if order.state in (State.COMPENSATING, State.CANCELLED):
        status = 402 if order.reason == "payment-declined" else 409
        problem = Problem(status, "the order was cancelled", slug=order.reason, order=order.document())
        return status, problem.document()
    return 202, order.document()
