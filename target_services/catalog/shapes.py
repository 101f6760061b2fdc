"""What catalog shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from target_services.chassis.cursors import NextCursor
from target_services.chassis.openapi import Shape

ProductNumber = Annotated[int, Field(ge=1, examples=[1])]
Degraded = Annotated[bool, Field(description="something is missing, or older than it should be")]
Age = Annotated[float | None, Field(ge=0, description="seconds since this was true; only where it is old")]


class ProductListed(Shape):
    """A product in a list."""

    id: ProductNumber
    name: str = Field(examples=["Aalto Oak Lamp"])
    category: str = Field(examples=["lamp"])
    material: str = Field(examples=["oak"])
    price_cents: int = Field(gt=0, examples=[8419])
    currency: str = Field(examples=["EUR"])


class ProductPage(Shape):
    """Some products."""

    items: list[ProductListed]
    next_cursor: NextCursor
    degraded: Degraded
    age_s: Age = None


class Badge(Shape):
    """How much there is of a product, roughly."""

    level: Literal["in_stock", "low", "sold_out"]
    on_hand: int = Field(ge=0, examples=[12])


class ProductShown(ProductListed):
    """A product with all that is known of it; without a badge where inventory could not be asked."""

    description: str
    stock: Badge | None
    degraded: Degraded
    age_s: Age = None
