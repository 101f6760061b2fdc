"""Inventory and payments as orders sees them: questions, and the few answers that matter."""

from __future__ import annotations

from enum import StrEnum

from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call
from target_services.orders.model import Order


class Reserved(StrEnum):
    """What became of a reservation."""

    YES = "yes"
    OUT_OF_STOCK = "out-of-stock"


class Paid(StrEnum):
    """What became of a capture. `UNKNOWN`: payments has not heard of it, or waits for its provider."""

    YES = "yes"
    DECLINED = "payment-declined"
    UNKNOWN = "unknown"


class Inventory:
    """Goods for an order. Every call can be repeated: the order's key names the reservation."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def reserve(self, order: Order) -> Reserved:
        """Set the goods aside."""
        goods = {"product_id": order.product_id, "quantity": order.quantity}
        call = Call("POST", "/v1/reservations", goods, idempotency_key=order.key)
        return await self.edge.call(call, _reserved)

    async def confirm(self, order: Order) -> Reserved:
        """Sell what was set aside."""
        path = f"/v1/reservations/{order.key}/confirm"
        return await self.edge.call(Call("POST", path, idempotency_key=f"{order.key}-confirm"), _reserved)

    async def release(self, order: Order) -> None:
        """Put back what was set aside. Nothing to put back is fine too."""
        path = f"/v1/reservations/{order.key}/release"
        await self.edge.call(Call("POST", path, idempotency_key=f"{order.key}-release"), _done_or_unknown)


class Payments:
    """Money for an order. Every call can be repeated: the order's key names the capture."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def capture(self, order: Order) -> Paid:
        """Take the money. When the answer is lost, ask by key what became of it before giving up."""
        payment = {"order_id": order.id, "amount_cents": order.total_cents, "card": order.card}
        call = Call("POST", "/v1/captures", payment, idempotency_key=order.key)
        try:
            return await self.edge.call(call, _paid)
        except CallFailed as failure:
            if failure.may_have_acted and (found := await self._find(order)) is not Paid.UNKNOWN:
                return found
            raise

    async def refund(self, order: Order) -> None:
        """Give the money back. Money that was never taken is fine too."""
        path = f"/v1/captures/{order.key}/refund"
        await self.edge.call(Call("POST", path, idempotency_key=f"{order.key}-refund"), _done_or_unknown)

    async def _find(self, order: Order) -> Paid:
        """Ask once; this is a reconciliation, and the worker will come back to it."""
        try:
            return await self.edge.call(Call("GET", f"/v1/captures/{order.key}", attempts=1), _found)
        except CallFailed:
            return Paid.UNKNOWN


def _state(answer: Answer) -> str:
    document = answer.json()
    if not isinstance(document, dict) or not isinstance(document["state"], str):
        raise TypeError("the answer has no state")
    return document["state"]


def _reserved(answer: Answer) -> Reserved:
    if answer.problem() in ("out-of-stock", "unknown-reservation"):
        return Reserved.OUT_OF_STOCK
    if answer.status >= 400:
        raise ValueError(f"inventory answered {answer.status}")
    return Reserved.YES if _state(answer) in ("held", "confirmed") else Reserved.OUT_OF_STOCK


def _paid(answer: Answer) -> Paid:
    if answer.problem() == "payment-declined":
        return Paid.DECLINED
    if answer.status >= 400 or _state(answer) != "captured":
        raise ValueError(f"payments answered {answer.status}")
    return Paid.YES


def _found(answer: Answer) -> Paid:
    if answer.status >= 400:
        return Paid.UNKNOWN
    return {"captured": Paid.YES, "declined": Paid.DECLINED}.get(_state(answer), Paid.UNKNOWN)


def _done_or_unknown(answer: Answer) -> None:
    if answer.status >= 400 and answer.status != 404:
        raise ValueError(f"answered {answer.status}")
