"""What notifications is asked and what it shows. What it is sent has the form of `chassis.envelope`."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header
from pydantic import Field

from target_services.chassis.cursors import NextCursor
from target_services.chassis.openapi import Shape

Customer = Annotated[str, Header(alias="x-customer-id", pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["c1"])]


class Delivered(Shape):
    """What became of a message: it has had its effect, now or before, or it was put aside."""

    id: str
    state: Literal["done", "dead"]


class NotificationShown(Shape):
    """What a customer was told of an order."""

    id: str = Field(pattern="^ntf_[0-9a-f]{16}$")
    order_id: str
    total_cents: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    state: Literal["sent"]
    created_ns: int = Field(ge=0)


class NotificationPage(Shape):
    """Some of a customer's notifications."""

    items: list[NotificationShown]
    next_cursor: NextCursor


class DeadLetterShown(Shape):
    """A message that could not be acted upon, as it came, and why."""

    id: str
    cause: str
    attempts: int = Field(ge=1)
    died_ns: int = Field(ge=0)
    body: str


class DeadLetterPage(Shape):
    """Some of the messages that could not be acted upon."""

    items: list[DeadLetterShown]
    next_cursor: NextCursor
