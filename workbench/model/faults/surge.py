"""F21 surge: the load itself is the disturbance: more journeys for a while, or a herd of them at one moment."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.base import LoadFault


class Surge(LoadFault):
    """More users than usual. Their arrivals are part of the plan, so that the same seed gives the same surge.

    The usual arrivals stay as they are; those of the surge come on top, with the same mix of journeys.
    """

    kind: Literal["surge"] = "surge"
    factor: float | None = Field(
        default=None, gt=1, le=100, description="journeys arrive so many times as often", examples=[3]
    )
    shape: Literal["step", "ramp"] = Field(
        default="step", description="`step`: the factor holds from start to end; `ramp`: it grows evenly up to its end"
    )
    at_once: int | None = Field(
        default=None, ge=1, le=10_000, description="a herd: so many journeys more arrive at its first moment"
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.factor is None and self.at_once is None:
            raise ValueError("give `factor` or `at_once`, or both; without them nothing would change")
        return self

    def describe(self) -> str:
        parts = []
        if self.factor is not None:
            parts.append(f"grows {'evenly ' if self.shape == 'ramp' else ''}to {self.factor:g} times the usual")
        if self.at_once is not None:
            parts.append(f"has a herd of {self.at_once} at once")
        return " and ".join(parts)
