"""What inventory is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Path
from pydantic import Field, StringConstraints

from target_services.chassis.cursors import NextCursor
from target_services.chassis.openapi import Shape

LARGEST_ID = 2**31 - 1
"""What every database can take for an integer."""

ReservationKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Key = Annotated[ReservationKey, Header(alias="idempotency-key", examples=["7d1c2a9e-order"])]
KeyInPath = Annotated[ReservationKey, Path(alias="key", examples=["7d1c2a9e-order"])]
ProductId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]

KEPT_BY_KEY = {"key": "$request.header.idempotency-key"}


class ReservationRequest(Shape):
    """What to set aside."""

    product_id: int = Field(ge=1, le=LARGEST_ID, examples=[1])
    quantity: int = Field(ge=1, le=100, examples=[2])


class StockShown(Shape):
    """How many of a product can be sold right now."""

    product_id: int
    on_hand: int = Field(ge=0)


class StockOfOne(StockShown):
    """Where all pieces of a product are."""

    reserved: int = Field(ge=0)
    sold: int = Field(ge=0)


class StockPage(Shape):
    """Some of all products, by their number."""

    items: list[StockOfOne]
    next_cursor: NextCursor


class ReservationShown(Shape):
    """Goods set aside, and what became of them."""

    id: str = Field(pattern="^res_[0-9a-f]{16}$")
    state: Literal["held", "confirmed", "released", "expired"]
    product_id: int = Field(ge=0, description="0 when it was released before it was asked for")
    quantity: int = Field(ge=0, le=100, description="0 when it was released before it was asked for")
