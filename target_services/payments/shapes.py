"""What payments is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Path
from pydantic import Field

from target_services.chassis.money import AmountCents, Currency
from target_services.chassis.openapi import Shape

_KEY = r"^[A-Za-z0-9_-]{1,100}$"

Key = Annotated[str, Header(alias="idempotency-key", pattern=_KEY, examples=["7d1c2a9e-order"])]
KeyInPath = Annotated[str, Path(alias="key", pattern=_KEY, examples=["7d1c2a9e-order"])]

KEPT_BY_KEY = {"key": "$request.header.idempotency-key"}


class CaptureRequest(Shape):
    """What to take, for which order, from which card."""

    order_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["ord_5b0d9e7c11f24a38"])
    amount_cents: AmountCents
    currency: Currency
    card: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["tok_visa"])


class CaptureShown(Shape):
    """A capture, and what became of it."""

    id: str = Field(pattern="^cap_[0-9a-f]{16}$")
    state: Literal["pending", "captured", "declined", "refunded", "voided"]
    amount_cents: int = Field(ge=0, description="0 when it was voided before it was asked for")
    currency: str = Field(description="empty when it was voided before it was asked for")
