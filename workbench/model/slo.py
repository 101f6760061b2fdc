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


class PromQuery(Frozen):
    """A counter in PromQL. It has to give one series, such as a `sum`."""

    query: str = Field(min_length=1, description="PromQL that gives one counter, without `rate` or `increase`")


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


class _PrometheusSource(Frozen):
    type: Literal["prometheus"]
    spec: PromQuery


class _Good(Frozen):
    metricSource: Annotated[_GoodSource | _PrometheusSource, Field(discriminator="type")]  # noqa: N815 - OpenSLO


class _Total(Frozen):
    metricSource: Annotated[_TotalSource | _PrometheusSource, Field(discriminator="type")]  # noqa: N815 - OpenSLO


class _RatioMetric(Frozen):
    counter: bool = True
    good: _Good
    total: _Total

    @model_validator(mode="after")
    def _same_thing(self) -> _RatioMetric:
        good, total = self.good.metricSource, self.total.metricSource
        if good.type != total.type:
            raise ValueError(f"good is from {good.type} and total from {total.type}; both must be from the same one")
        if good.type == "workbench" and total.type == "workbench" and good.spec.journey != total.spec.journey:
            one, other = good.spec.journey, total.spec.journey
            raise ValueError(f"good counts journey {one!r} and total counts {other!r}; both must name the same one")
        if good.type == "prometheus" and not self.counter:
            raise ValueError(
                "good and total have to be counters (`counter: true`): what a phase adds to them is judged"
            )
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
        metric = self.spec.indicator.spec.ratioMetric
        name, target = self.metadata.name, self.spec.objectives[0].target
        title = self.metadata.displayName or self.spec.description or name
        good, total = metric.good.metricSource, metric.total.metricSource
        if good.type == "workbench":
            spec = good.spec
            outcomes = tuple(spec.outcome)
            return Slo(name=name, title=title, journey=spec.journey, outcomes=outcomes, under=spec.under, target=target)
        assert total.type == "prometheus"
        counters = PromQl(good=good.spec.query, total=total.spec.query)
        return Slo(name=name, title=title, journey="", outcomes=(), under=None, target=target, promql=counters)


class PromQl(Frozen):
    """Two counters that Prometheus answers for."""

    good: str
    total: str


class Slo(Frozen):
    """A ratio good/total over journeys, or over what Prometheus counts, and its target."""

    name: Name
    title: str
    journey: JourneyName | Literal[""] = Field(description="empty where Prometheus counts")
    outcomes: tuple[OutcomeName, ...]
    under: Duration | None
    target: Ratio
    promql: PromQl | None = Field(default=None, description="what Prometheus counts, instead of journeys")

    def describe(self) -> str:
        """Say what counts as good."""
        if self.promql is not None:
            return f"{self.title} (by Prometheus)"
        limit = f" within {self.under}" if self.under is not None else ""
        return f"{self.journey} ends {' or '.join(self.outcomes)}{limit}"
