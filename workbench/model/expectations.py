"""Resilience assertions as they are written in a scenario. Their meaning is in the check of the same kind.

Every number here is a limit, so `judge --set` may change it afterwards.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.names import EdgeName, JourneyName, Name
from workbench.model.units import Duration, Ratio


class Expectation(Frozen):
    """Base of all expectations."""


class OnEdge(Expectation):
    """Something the caller must do on one edge while a fault is on there."""

    edge: EdgeName
    phase: Name | None = Field(default=None, description="default: every phase with a fault on this edge")


class BreakerOpens(OnEdge):
    """The caller's circuit breaker opens, and lets through no more than its policy says."""

    kind: Literal["breaker_opens"]
    within: Duration = Field(description="from the first failing attempt")
    slack: Duration = Field(
        default=Duration.parse("250ms"),
        description="time between what the plane sees and what the caller counts",
    )


class BreakerHolds(OnEdge):
    """While the breaker is open only probes reach the callee, and callers are answered at once."""

    kind: Literal["breaker_holds"]
    answer_within: Duration = Field(
        default=Duration.parse("100ms"), description="p95 of calls that were not let through"
    )


class RetriesBounded(OnEdge):
    """No logical call makes more attempts than its policy says."""

    kind: Literal["retries_bounded"]
    min_n: int = Field(default=10, ge=1, description="calls with a failed attempt below this leave it undecided")


class RetryAmplification(OnEdge):
    """Attempts per logical call stay below a limit on average."""

    kind: Literal["retry_amplification"]
    at_most: float = Field(gt=1, description="attempts per call")


class TimeoutBound(OnEdge):
    """Every attempt that a fault hit ends at the caller within its timeout."""

    kind: Literal["timeout_bound"]
    slack: Duration = Field(default=Duration.parse("250ms"), description="allowed beyond the timeout")
    min_n: int = Field(default=10, ge=1, description="hit attempts below this leave it undecided")


class FallbackServed(Expectation):
    """Users who cannot be served in full get a valid degraded answer; nobody does without a fault."""

    kind: Literal["fallback_served"]
    journey: JourneyName
    at_least: Ratio = Field(description="degraded answers among journeys that were not served in full")
    phase: Name | None = Field(default=None, description="default: every phase with a fault")
    expected: Ratio = Field(default=Ratio(0.995), description="what a healthy system is expected to reach")
    recovered_within: Duration = Field(
        default=Duration.parse("10s"),
        description="after the undo, degraded answers may still be served this long",
    )


class Isolated(Expectation):
    """A journey that does not use the faulted edge does not suffer."""

    kind: Literal["isolated"]
    journey: JourneyName
    phase: Name | None = Field(default=None, description="default: every phase with a fault")
    at_most: float = Field(default=2.0, gt=1, description="p95 in the fault phase, as a multiple of baseline")
    floor: Duration = Field(default=Duration.parse("50ms"), description="shorter times count as equal to this")
    errors: Ratio = Field(default=Ratio(0.05), description="largest share of journeys that may not end well")
    expected: Ratio = Field(default=Ratio(0.999), description="share of journeys expected to end well")


class Recovers(Expectation):
    """After the undo the SLI is back in band, and stays there for `hold`."""

    kind: Literal["recovers"]
    slo: Name
    target: Ratio | None = Field(default=None, description="default: the objective of the SLO")
    within: Duration = Field(description="from the verified undo")
    hold: Duration = Field(default=Duration.parse("3s"), description="has to stay in band this long")


class NoLostOrders(Expectation):
    """Everything acknowledged to a client exists exactly once and is finished after `settle`."""

    kind: Literal["no_lost_orders"]
    record: str = Field(default="order", description="kind of record in the audit documents")
    settle: Duration = Field(default=Duration.parse("15s"), description="time to finish after the load has ended")
    min_n: int = Field(default=10, ge=1, description="acknowledged records below this leave it undecided")


class NoDuplicateEffects(Expectation):
    """Nothing happens twice for one idempotency key."""

    kind: Literal["no_duplicate_effects"]
    effects: list[str] = Field(
        default_factory=lambda: ["order", "reservation", "capture"],
        min_length=1,
        description="kinds in the audits",
    )
    min_n: int = Field(default=10, ge=1, description="keys below this leave it undecided")


class SagaAtomic(Expectation):
    """What several services did for one record agrees with its end, and what has to be conserved is."""

    kind: Literal["saga_atomic"]
    record: Name = Field(default="order", description="one of the system's `sagas`")
    conserved: list[Name] | None = Field(
        default=None, description="which of the system's `conserved` rules are judged; default: all"
    )
    settle: Duration = Field(default=Duration.parse("15s"), description="time to finish after the load has ended")
    min_n: int = Field(default=10, ge=1, description="finished records below this leave it undecided")


class Detects(Expectation):
    """An alert of the SLO's error budget fires under the fault, clears afterwards, and is silent without it."""

    kind: Literal["detects"]
    slo: Name
    severity: Literal["page", "ticket"] = Field(default="page", description="of the alert, as in `workbench rules`")
    within: Duration = Field(description="from the verified fault to the first evaluation in which it fires")
    clears_within: Duration = Field(description="from the verified undo to the evaluation in which it is silent again")
    min_n: int = Field(default=5, ge=1, description="evaluations in baseline below this leave silence undecided")


class TracesExplain(OnEdge):
    """A trace that failed on the edge says so: the deepest error is there, and attempts are numbered in one trace."""

    kind: Literal["traces_explain"]
    at_least: Ratio = Field(description="share of the failing traces")
    expected: Ratio = Field(default=Ratio(0.999), description="what well traced services are expected to reach")


ExpectationSpec = Annotated[
    BreakerOpens
    | BreakerHolds
    | RetriesBounded
    | RetryAmplification
    | TimeoutBound
    | FallbackServed
    | Isolated
    | Recovers
    | NoLostOrders
    | NoDuplicateEffects
    | SagaAtomic
    | Detects
    | TracesExplain,
    Field(discriminator="kind"),
]
