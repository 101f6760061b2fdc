"""What the provider is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Path
from pydantic import Field

from target_services.chassis.money import AmountCents, Currency
from target_services.chassis.openapi import Shape

_KEY = r"^[A-Za-z0-9_-]{1,200}$"

Key = Annotated[str, Header(alias="idempotency-key", pattern=_KEY, examples=["7d1c2a9e-order"])]
KeyInPath = Annotated[str, Path(pattern=_KEY, examples=["7d1c2a9e-order"])]

KEPT_BY_KEY = {"key": "$request.header.idempotency-key"}


class ChargeRequest(Shape):
    """What to take from which card."""

    amount_cents: AmountCents
    currency: Currency
    card: str = Field(min_length=1, max_length=64, examples=["tok_visa"])


class ChargeShown(Shape):
    """A charge, and what became of it."""

    id: str = Field(pattern="^ch_[0-9a-f]{16}$", examples=["ch_5b0d9e7c11f24a38"])
    state: Literal["captured", "declined", "refunded", "voided"]
    amount_cents: int = Field(ge=0, examples=[1299], description="0 when it was voided before it was asked for")
    currency: str = Field(examples=["EUR"], description="empty when it was voided before it was asked for")
