"""What catalog is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from target_services.catalog.search import Sort
from target_services.catalog.tables import LARGEST_ID
from target_services.chassis.cursors import LONGEST, NextCursor
from target_services.chassis.openapi import Shape

ProductId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]
ProductNumber = Annotated[int, Field(ge=1, examples=[1])]
Cents = Annotated[int | None, Field(ge=0, le=LARGEST_ID)]
Word = Annotated[str | None, Field(pattern=r"^[a-z]{1,40}$")]
Degraded = Annotated[bool, Field(description="something is missing, or older than it should be")]
Age = Annotated[float | None, Field(ge=0, description="seconds since this was true; only where it is old")]


class PageQuery(BaseModel):
    """What products are looked for, and which page of them."""

    q: str = Field(default="", max_length=80, pattern=r"^[\w '-]*$", description="words of the name", examples=["oak"])
    category: Word = Field(default=None, examples=["lamp"])
    material: Word = Field(default=None, examples=["oak"])
    min_price_cents: Cents = Field(default=None, examples=[1000])
    max_price_cents: Cents = Field(default=None, examples=[9000])
    sort: Sort = Sort.ID
    cursor: str | None = Field(default=None, max_length=LONGEST, examples=[None])
    limit: int = Field(default=20, ge=1, le=100)


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
