"""Service level objectives as plain OpenSLO v1 documents, and the client-side SLI the workbench reads from them.

OpenSLO keys are camelCase by its specification (https://github.com/OpenSLO/OpenSLO, v1).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from workbench.model.base import Frozen
from workbench.model.names import JourneyName, Name
from workbench.model.units import Duration, Ratio

OUTCOMES = ("ok", "degraded", "failed", "indeterminate")
"""`ok`: in full. `degraded`: a valid answer from a fallback. `failed`: a definite failure.
`indeterminate`: the user cannot know (a timeout); counts as not good."""

OutcomeName = Literal["ok", "degraded", "failed", "indeterminate"]


class WorkbenchTotal(Frozen):
    """All journeys of one kind."""

    journey: JourneyName


class WorkbenchGood(WorkbenchTotal):
    """Journeys that ended well, and soon enough. Time counts from the intended start."""

    outcome: list[OutcomeName] = Field(default=["ok", "degraded"], min_length=1)
    under: Duration | None = Field(default=None, description="response time from the intended start")


class _Metadata(Frozen):
    name: Name
    displayName: str | None = None  # noqa: N815 - OpenSLO
    labels: dict[str, Any] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _GoodSource(Frozen):
    type: Literal["workbench"]
    spec: WorkbenchGood


class _TotalSource(Frozen):
    type: Literal["workbench"]
    spec: WorkbenchTotal


class _Good(Frozen):
    metricSource: _GoodSource  # noqa: N815 - OpenSLO


class _Total(Frozen):
    metricSource: _TotalSource  # noqa: N815 - OpenSLO


class _RatioMetric(Frozen):
    counter: bool = True
    good: _Good
    total: _Total

    @model_validator(mode="after")
    def _same_journey(self) -> _RatioMetric:
        good, total = self.good.metricSource.spec.journey, self.total.metricSource.spec.journey
        if good != total:
            raise ValueError(f"good counts journey {good!r} and total counts {total!r}; both must name the same one")
        return self


class _IndicatorSpec(Frozen):
    ratioMetric: _RatioMetric  # noqa: N815 - OpenSLO


class _IndicatorMetadata(Frozen):
    name: Name
    displayName: str | None = None  # noqa: N815 - OpenSLO


class _Indicator(Frozen):
    metadata: _IndicatorMetadata
    spec: _IndicatorSpec


class _TimeWindow(Frozen):
    duration: str
    isRolling: bool = True  # noqa: N815 - OpenSLO


def _fraction(target: Ratio) -> Ratio:
    if not 0 < target < 1:
        raise ValueError("target must be above 0 and below 1 (OpenSLO: a fraction such as 0.99)")
    return target


class _Objective(Frozen):
    displayName: str | None = None  # noqa: N815 - OpenSLO
    target: Annotated[Ratio, AfterValidator(_fraction)]


class _SloSpec(Frozen):
    description: str = ""
    service: str
    indicator: _Indicator
    timeWindow: list[_TimeWindow] = Field(default_factory=list, max_length=1)  # noqa: N815 - OpenSLO
    budgetingMethod: Literal["Occurrences"] = "Occurrences"  # noqa: N815 - OpenSLO
    objectives: list[_Objective] = Field(min_length=1, max_length=1)


class SloDocument(Frozen):
    """An OpenSLO v1 document of kind SLO, as far as the workbench can judge it."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="OpenSLO v1 SLO (workbench subset)")

    apiVersion: Literal["openslo/v1"]  # noqa: N815 - OpenSLO
    kind: Literal["SLO"]
    metadata: _Metadata
    spec: _SloSpec

    def to_slo(self) -> Slo:
        """Return the part that is judged."""
        good = self.spec.indicator.spec.ratioMetric.good.metricSource.spec
        return Slo(
            name=self.metadata.name,
            title=self.metadata.displayName or self.spec.description or self.metadata.name,
            journey=good.journey,
            outcomes=tuple(good.outcome),
            under=good.under,
            target=self.spec.objectives[0].target,
        )


class Slo(Frozen):
    """A ratio good/total over journeys, and its target."""

    name: Name
    title: str
    journey: JourneyName
    outcomes: tuple[OutcomeName, ...]
    under: Duration | None
    target: Ratio

    def describe(self) -> str:
        """Say what counts as good."""
        limit = f" within {self.under}" if self.under is not None else ""
        return f"{self.journey} ends {' or '.join(self.outcomes)}{limit}"
