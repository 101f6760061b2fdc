"""Inventory and payments as orders sees them: questions, and the few answers that matter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from target_services.chassis.ages import Ages
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call
from target_services.orders.model import Order


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that is not to be had. `certain`: it had no effect and will have none, so there is nothing to undo."""

    reason: str
    certain: bool = True


class Paid(StrEnum):
    """What payments knows of a capture. `UNKNOWN`: it has not heard of it, or waits for its provider."""

    YES = "captured"
    DECLINED = "payment-declined"
    VOIDED = "payment-voided"
    UNKNOWN = "unknown"


class Inventory:
    """Goods for an order. Every call can be repeated: the order's key names the reservation."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def reserve(self, order: Order) -> Refusal | None:
        """Set the goods aside. A refusal is not certain: nobody keeps it, and a late attempt may find goods again."""
        goods = {"product_id": order.product_id, "quantity": order.quantity}
        call = Call("POST", "/v1/reservations", goods, idempotency_key=order.key)
        return None if await self.edge.call(call, _are_ours) else Refusal(_GONE, certain=False)

    async def confirm(self, order: Order) -> Refusal | None:
        """Sell what was set aside."""
        path = f"/v1/reservations/{order.key}/confirm"
        call = Call("POST", path, idempotency_key=f"{order.key}-confirm")
        return None if await self.edge.call(call, _are_ours) else Refusal(_GONE)

    async def release(self, order: Order) -> None:
        """Put back what was set aside or sold. What is still on its way to be set aside will not be."""
        path = f"/v1/reservations/{order.key}/release"
        await self.edge.call(Call("POST", path, idempotency_key=f"{order.key}-release"), _released)


class Payments:
    """Money for an order. Every call can be repeated: the order's key names the capture."""

    def __init__(self, edge: Edge, *, give_up_s: float = 600.0, ages: Ages | None = None) -> None:
        """`give_up_s`: an order of this age is no longer paid for. Less than goods are held for."""
        self.edge = edge
        self._ages = ages or Ages()
        self._give_up_ns = int(give_up_s * 1e9)

    async def capture(self, order: Order) -> Refusal | None:
        """Take the money. When the answer is lost, ask by key what became of it before giving up."""
        if self._ages.of(order.created_ns) > self._give_up_ns:
            return await self._give_up(order)
        payment = {
            "order_id": order.id,
            "amount_cents": order.total_cents,
            "currency": order.currency,
            "card": order.card,
        }
        call = Call("POST", "/v1/captures", payment, idempotency_key=order.key)
        try:
            return _refusal(await self.edge.call(call, _paid))
        except CallFailed as failure:
            if failure.may_have_acted and (found := await self._find_once(order)) is not Paid.UNKNOWN:
                return _refusal(found)
            raise

    async def refund(self, order: Order) -> None:
        """See to it that no money is taken for this order: given back, or never accepted from now on."""
        path = f"/v1/captures/{order.key}/refund"
        await self.edge.call(Call("POST", path, idempotency_key=f"{order.key}-refund"), _refunded)

    async def _give_up(self, order: Order) -> Refusal | None:
        """Too late to begin a payment. One that was made all the same counts; one in the making is to be undone."""
        paid = await self.edge.call(Call("GET", f"/v1/captures/{order.key}"), _found)
        return Refusal("payment-unavailable", certain=False) if paid is Paid.UNKNOWN else _refusal(paid)

    async def _find_once(self, order: Order) -> Paid:
        """Ask once; this is a reconciliation, and the worker will come back to it."""
        try:
            return await self.edge.call(Call("GET", f"/v1/captures/{order.key}", attempts=1), _found)
        except CallFailed:
            return Paid.UNKNOWN


_GONE = "out-of-stock"

_PAID = {
    "captured": Paid.YES,
    "declined": Paid.DECLINED,
    "refunded": Paid.VOIDED,
    "voided": Paid.VOIDED,
    "pending": Paid.UNKNOWN,
}


def _state(answer: Answer) -> str:
    document = answer.json()
    if answer.status >= 400 or not isinstance(document, dict) or not isinstance(document["state"], str):
        raise ValueError(f"answered {answer.status}, without a state")
    return document["state"]


def _are_ours(answer: Answer) -> bool:
    gone = answer.problem() in (_GONE, "unknown-reservation")
    return not gone and _state(answer) in ("held", "confirmed")


def _released(answer: Answer) -> None:
    if _state(answer) != "released":
        raise ValueError("inventory has not released the goods")


def _paid(answer: Answer) -> Paid:
    if (problem := answer.problem()) in (Paid.DECLINED, Paid.VOIDED):
        return Paid(problem)
    if _state(answer) != "captured":
        raise ValueError("payments has not captured")
    return Paid.YES


def _found(answer: Answer) -> Paid:
    return Paid.UNKNOWN if answer.problem() == "unknown-capture" else _PAID[_state(answer)]


def _refunded(answer: Answer) -> None:
    if _state(answer) not in ("refunded", "voided", "declined"):
        raise ValueError("payments has not given the money back")


def _refusal(paid: Paid) -> Refusal | None:
    return None if paid is Paid.YES else Refusal(paid.value)
