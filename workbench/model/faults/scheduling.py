"""When a fault is on within its phase."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from workbench.model.base import Frozen
from workbench.model.units import Duration, Ratio

_SHORTEST_PERIOD = Duration.parse("100ms")


class Schedule(Frozen):
    """When the fault is on, counted from the verified start of its phase."""

    start: Duration = Field(default=Duration(0), description="how long after the start of the phase")
    duration: Duration | None = Field(default=None, description="how long it stays; default: to the end of the phase")
    period: Duration | None = Field(
        default=None, description="flapping: it goes on and off again and again, once in this time; edges only"
    )
    duty: Ratio = Field(default=Ratio(0.5), description="flapping: part of each period in which it is on, at its start")

    @model_validator(mode="after")
    def _pulses(self) -> Self:
        if self.period is None:
            return self
        if self.period < _SHORTEST_PERIOD:
            raise ValueError(f"period {self.period} is below {_SHORTEST_PERIOD}, the shortest that can be kept")
        if not 0 < self.duty < 1:
            raise ValueError(f"duty {self.duty} has to be above 0 % and below 100 %")
        return self

    @property
    def on_share(self) -> float:
        """Part of the time in which the fault is on."""
        return 1.0 if self.period is None else float(self.duty)
