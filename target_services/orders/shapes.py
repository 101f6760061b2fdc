"""What orders is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Path
from pydantic import Field

from target_services.chassis.cursors import NextCursor
from target_services.chassis.money import AmountCents, Currency
from target_services.chassis.openapi import Shape

Key = Annotated[str, Header(alias="idempotency-key", pattern=r"^[A-Za-z0-9_-]{8,64}$", examples=["7d1c2a9e-order"])]
Customer = Annotated[
    str, Header(alias="x-customer-id", pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["acc_5b0d9e7c11f24a38"])
]
OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-f]{16}$", examples=["ord_5b0d9e7c11f24a38"])]

THE_ORDER = {"order_id": "$response.body#/id", "x-customer-id": "$request.header.x-customer-id"}
NOT_PLACED = {
    402: "payment-declined",
    404: "unknown-product",
    409: "price-changed out-of-stock payment-voided payment-unavailable idempotency-key-reused idempotency-in-progress",
}
"""Why there may be no order, by status."""


class OrderBody(Shape):
    """What a customer asks for."""

    product_id: int = Field(ge=1, le=2**31 - 1, examples=[1])
    quantity: int = Field(ge=1, le=10, examples=[2])
    unit_price_cents: AmountCents = Field(examples=[8419], description="the price that was shown")
    currency: Currency = "EUR"
    card: str = Field(pattern=r"^tok_[a-z0-9_]{1,40}$", examples=["tok_visa"])


class OrderShown(Shape):
    """An order, and how far it has come."""

    id: str = Field(pattern="^ord_[0-9a-f]{16}$")
    state: Literal["pending", "reserved", "paid", "confirmed", "compensating", "cancelled", "queued"]
    product_id: int
    quantity: int = Field(ge=1, le=10)
    total_cents: int = Field(gt=0)
    currency: str
    reason: str | None = Field(description="why it was cancelled")
    degraded: bool = Field(description="it will be finished later")


class OrderPage(Shape):
    """Some of a customer's orders, the newest first."""

    items: list[OrderShown]
    next_cursor: NextCursor


class OrderOfCustomer(OrderShown):
    """An order as admins see it."""

    customer: str


class OrderPageOfAll(Shape):
    """Some of everybody's orders, the newest first."""

    items: list[OrderOfCustomer]
    next_cursor: NextCursor
