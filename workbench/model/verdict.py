"""What is said in the end: one result per check, and one verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workbench.model.base import Frozen


class Outcome(StrEnum):
    """Of a check. A verdict is never NOT_APPLICABLE."""

    PASS = "PASS"  # noqa: S105 - not that kind of pass
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class CheckClass(StrEnum):
    """Which rule decides (docs/explanation/verdict.md)."""

    VALIDITY = "validity"
    PROPORTION = "proportion"
    QUANTILE = "quantile"
    UNIVERSAL = "universal"
    EVENT_TIME = "event_time"
    MEAN_COUNT = "mean_count"


class Value(Frozen):
    """A measured number. Times are in ns, shares from 0 to 1."""

    state: Literal["value"] = "value"
    number: float
    unit: Literal["ns", "ratio", "count", "per_call"]


class NoData(Frozen):
    """Nothing to measure: not zero."""

    state: Literal["no_data"] = "no_data"
    reason: str


class ProbeError(Frozen):
    """It could not be measured."""

    state: Literal["probe_error"] = "probe_error"
    reason: str


Measurement = Annotated[Value | NoData | ProbeError, Field(discriminator="state")]


class Limit(Frozen):
    """What the observed value is held against."""

    comparison: Literal["at_least", "at_most"]
    number: float
    unit: Literal["ns", "ratio", "count", "per_call"]


class Window(Frozen):
    """The stretch of the run that was looked at."""

    phase: str
    start_ns: int
    end_ns: int


class Evidence(Frozen):
    """Something a reader can look up: a trace, an order, an event of the journal, a row."""

    kind: Literal["trace", "record", "event", "attempt", "series", "log", "note"]
    ref: str
    text: str = ""


class CheckResult(Frozen):
    """One check's answer, with everything needed to argue with it."""

    id: str = Field(description="unique within a verdict; stable over runs", examples=["A6:orders:payments"])
    check: str = Field(description="as in docs/reference/checks.md", examples=["A6"])
    kind: str = Field(description="as in scenario files", examples=["breaker_opens"])
    claim: str = Field(description="what was claimed, as a sentence")
    check_class: CheckClass
    outcome: Outcome
    reason: str = Field(description="why, with the numbers")
    observed: Measurement
    limit: Limit | None = None
    interval: tuple[float, float] | None = Field(default=None, description="95 %, or the resolution of a time")
    n: int | None = Field(default=None, description="samples looked at")
    needed_n: int | None = Field(default=None, description="samples that would decide")
    windows: list[Window] = Field(default_factory=list)
    evidence: list[Evidence] = Field(default_factory=list)


class Verdict(Frozen):
    """The answer of a run. `verdict.json`."""

    version: Literal[1] = 1
    run_id: str
    scenario: str
    title: str
    outcome: Outcome
    exit_code: int
    meaning: str = Field(description="of the exit code, in words")
    reasons: list[str] = Field(description="most important first")
    checks: list[CheckResult]
    changed_limits: dict[str, str] = Field(default_factory=dict, description="what `judge --set` changed")
