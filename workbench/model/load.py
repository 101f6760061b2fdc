"""The load as declared: which journeys, how often, when. Open model: arrivals do not wait for answers."""

from __future__ import annotations

from math import inf
from typing import Literal

from pydantic import Field, model_validator

from workbench.model.base import Frozen, Misfits
from workbench.model.names import JourneyName
from workbench.model.units import Duration, Rate


class RatePoint(Frozen):
    """The rate at one moment; between two points it changes evenly. Two points at one time are a jump."""

    at: Duration = Field(description="from the start of the run")
    rate: Rate


class Arrivals(Frozen):
    """How journeys arrive."""

    model: Literal["open"] = Field(
        default="open", description="arrivals come when they come; latency counts from the intended start"
    )
    rate: Rate | None = Field(default=None, description="constant rate of journeys, all kinds together")
    profile: list[RatePoint] = Field(default_factory=list, description="ramps and spikes, instead of `rate`")
    distribution: Literal["poisson", "uniform"] = "poisson"

    @model_validator(mode="after")
    def _rate_or_profile(self) -> Arrivals:
        if (self.rate is None) == (not self.profile):
            raise ValueError("give either `rate` or `profile`, not both or none")
        times = [point.at for point in self.profile]
        if times and times[0] != 0:
            raise ValueError("the first point of `profile` must be at 0s")
        if times != sorted(times):
            raise ValueError("the points of `profile` must be in order of time")
        return self

    def points(self) -> list[RatePoint]:
        """Return the rate over time as points, also for a constant rate. The last one holds for ever."""
        return self.profile if self.rate is None else [RatePoint(at=Duration(0), rate=self.rate)]


class Load(Frozen):
    """What users do."""

    mix: dict[JourneyName, float] = Field(min_length=1, description="journey to its weight")
    arrivals: Arrivals
    locustfile: str | None = Field(
        default=None,
        description="the user's own locustfile, relative to the scenario; `mix` then names its classes",
    )
    max_users: int = Field(
        default=200, ge=1, description="beyond these, arrivals wait in a queue, and that time counts"
    )
    drain: Duration = Field(
        default=Duration.parse("10s"),
        description="how long journeys in flight may take after the last arrival",
    )

    @model_validator(mode="after")
    def _weights_above_zero(self) -> Load:
        wrong = [name for name, weight in self.mix.items() if not 0 < weight < inf]
        if wrong:
            raise Misfits([(("mix", name), "a weight has to be a number above 0") for name in wrong])
        if sum(self.mix.values()) == inf:
            raise Misfits([(("mix",), "the sum of all weights is beyond all numbers; smaller ones mean the same")])
        return self
