"""Money: a whole number of minor units and the code of its currency, never a float."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

CURRENCIES = frozenset({"EUR"})
"""ISO 4217 codes of what the shop sells in. Each has two decimal places, so that a minor unit is a cent."""

MOST_CENTS = 1_000_000_000
"""Ten million. Larger amounts are a mistake or an attack; sums of allowed ones fit what databases can add up."""


def _known(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"the currency {code!r} is not known; there are: {', '.join(sorted(CURRENCIES))}")
    return code


AmountCents = Annotated[int, Field(strict=True, gt=0, le=MOST_CENTS, examples=[1299])]
"""An amount in a request. Strict: neither 0.5 nor "5" nor true is an amount."""

Currency = Annotated[
    str,
    Field(examples=sorted(CURRENCIES), json_schema_extra={"enum": sorted(CURRENCIES)}),
    AfterValidator(_known),
]
"""A currency in a request."""
