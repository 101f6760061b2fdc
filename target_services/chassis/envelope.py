"""What every message has, whatever it tells: the form in which one service's events reach another one."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from target_services.chassis.openapi import Shape

_EXAMPLE: dict[str, JsonValue] = {
    "order_id": "ord_5b0d9e7c11f24a38",
    "order_key": "7d1c2a9e-order",
    "customer": "c1",
    "total_cents": 1299,
    "currency": "EUR",
}


class Envelope(Shape):
    """One message. What is not known of it is left alone, so that publishers can add to it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        examples=["0c3d8a4be8f14b7d9a55d3a8f6c1e201"],
        description="the same whenever it is delivered again",
    )
    topic: str = Field(
        pattern=r"^[a-z][a-z0-9.-]{0,63}$", examples=["order.confirmed"], description="what kind of event it tells of"
    )
    key: str = Field(
        pattern=r"^[A-Za-z0-9_:-]{1,64}$",
        examples=["ord_5b0d9e7c11f24a38"],
        description="events of one key arrive in order",
    )
    created_ns: int = Field(
        ge=0, le=9 * 10**18, examples=[1_790_000_000_000_000_000], description="when it was written, in ns of wall time"
    )
    attempt: int = Field(
        default=1,
        ge=1,
        le=2**31 - 1,
        examples=[1],
        description="which try it is; none is counted while nobody can take it",
    )
    payload: dict[str, JsonValue] = Field(examples=[_EXAMPLE], description="what it tells; each topic has its own form")


class Unintelligible(Exception):
    """The message says nothing that this service could act upon, now or later."""


def describe(error: Any) -> str:
    """Return what a validation found, in one line without the values, which may be anybody's."""
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in error.errors())
