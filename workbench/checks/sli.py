"""Counting good journeys, and what to do when the load generator was late or the machine starved.

One journey is the unit, never one request. Latency counts from the intended start; if the generator was late,
everything about latency is judged a second time from the dispatch, and only what both agree on is decided. A
FAIL is judged once more without what a machine explains whose cores others had (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from workbench.checks import wording
from workbench.checks.deciding import Quantile
from workbench.checks.statistics import quantile_interval_ranks
from workbench.model.expectations import Recovers
from workbench.model.history import History
from workbench.model.slo import Slo
from workbench.model.units import NS_PER_MS
from workbench.model.verdict import CheckResult, Evidence, Outcome, Window

EVIDENCE = 5
"""Traces named as evidence: enough to look into, few enough to read."""

_LEAST_LAG_LIMIT = 25 * NS_PER_MS


class Start(StrEnum):
    """From when the latency of a journey counts, and what else is asked beside it. Properties are expressions in SQL.

    Those of `good` and `counted` have the parameters $1, the good outcomes, and $2, the limit in ns or null.
    """

    INTENDED = "intended"
    DISPATCHED = "dispatched"
    UNSTARVED = "unstarved"
    """Without what a machine explains whose cores others had."""
    OUTLASTED = "outlasted"
    """With those who were not served before the fault was taken off, and badly after it."""

    @property
    def latency(self) -> str:
        """Nanoseconds that a journey took."""
        return {"dispatched": "undelayed_ns", "unstarved": "(response_ns - starved_ns)"}.get(self, "response_ns")

    @property
    def explained(self) -> str:
        """Whether the machine may be why a journey was not served in full."""
        return "crowded" if self is Start.UNSTARVED else "FALSE"

    @property
    def outlasted(self) -> str:
        """Whether a journey in flight at a transition counts if it ended badly."""
        return "outlasted" if self is Start.OUTLASTED else "FALSE"

    @property
    def good(self) -> str:
        """Whether a journey was good."""
        return f"((list_contains($1, outcome) OR {self.explained}) AND ($2 IS NULL OR {self.latency} <= $2))"

    @property
    def counted(self) -> str:
        """Whether it can be said to which phase a journey belongs: also if its time was over before the transition."""
        return f"(NOT crossing OR crossed_after_ns > $2 OR ({self.outlasted} AND NOT {self.good}))"


@dataclass(frozen=True, slots=True)
class Tally:
    """Good journeys of all."""

    good: int
    total: int

    @property
    def bad(self) -> int:
        return self.total - self.good

    @property
    def share(self) -> float:
        return self.good / self.total


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the generator was: p99 of actual minus intended dispatch, and what is tolerated."""

    p99_ns: int | None
    limit_ns: int
    journeys: int

    @property
    def beyond(self) -> bool:
        return self.p99_ns is not None and self.p99_ns > self.limit_ns


_TALLY = """
SELECT count(*) FILTER ({good}), count(*)
FROM journeys
WHERE journey = $3 AND intended >= $4 AND intended < $5 AND {counted}
"""

_BAD = """
SELECT trace_id, outcome, error, response_ns
FROM journeys
WHERE journey = $3 AND intended >= $4 AND intended < $5 AND {counted} AND trace_id IS NOT NULL
  AND NOT {good}
ORDER BY intended LIMIT $6
"""


def tally(history: History, slo: Slo, window: Window, start: Start) -> Tally:
    """Count the journeys of an SLO that began in a window.

    Those in flight at a transition are left out, unless their time was over by then.
    """
    good, total = history.row(
        _TALLY.format(good=start.good, counted=start.counted),
        list(slo.outcomes),
        slo.under,
        slo.journey,
        window.start_ns,
        window.end_ns,
    )
    return Tally(good, total)


def bad_journeys(history: History, slo: Slo, window: Window, start: Start) -> list[Evidence]:
    """Return the first journeys of a window that were not good."""
    rows = history.rows(
        _BAD.format(good=start.good, counted=start.counted),
        list(slo.outcomes),
        slo.under,
        slo.journey,
        window.start_ns,
        window.end_ns,
        EVIDENCE,
    )
    return [
        Evidence(
            kind="trace", ref=trace, text=f"{slo.journey} {outcome} after {wording.time(ns)}" + (f": {e}" if e else "")
        )
        for trace, outcome, e, ns in rows
    ]


def quantile(history: History, sql: str, params: tuple[object, ...], q: float) -> Quantile | None:
    """Measure a quantile with its interval; None without values.

    `sql` selects `count(x), quantile_disc(x, ?)`; its first parameter is the list of quantiles asked for.
    """
    n = history.row(sql, [q], *params)[0]
    if n == 0:
        return None
    low_rank, high_rank = quantile_interval_ranks(q, n)
    # Rank k of n is the ((k - 1/2) / n)-quantile, whichever way the database rounds.
    wanted = [q, *((rank - 0.5) / n for rank in (low_rank, high_rank) if rank is not None)]
    values = iter(history.row(sql, wanted, *params)[1])
    value = float(next(values))
    low = None if low_rank is None else float(next(values))
    high = None if high_rank is None else float(next(values))
    return Quantile(q=q, n=n, value=value, low=low, high=high)


def generator_lag(history: History) -> Lag:
    """Measure how late the generator dispatched journeys after warmup, and what the tightest latency limit allows."""
    return history.once("generator_lag", lambda: _generator_lag(history))


def _generator_lag(history: History) -> Lag:
    scenario = history.run.scenario
    judged = {spec.slo for spec in scenario.steady_state} | {spec.slo for spec in scenario.slos}
    judged |= {spec.slo for spec in scenario.expect if isinstance(spec, Recovers)}
    limits = [slo.under for slo in history.run.slos if slo.name in judged and slo.under is not None]
    tightest = min(limits, default=0)
    journeys, p99 = history.row(
        "SELECT count(lag_ns), quantile_disc(lag_ns, 0.99) FROM journeys WHERE role IS NULL OR role <> 'warmup'"
    )
    return Lag(p99, max(_LEAST_LAG_LIMIT, tightest // 10), journeys)


def judged_fairly(history: History, judge: Callable[[Start], CheckResult], *, latency: bool) -> CheckResult:
    """Judge from the intended start; ask again what was in the way beside the system, and who was left out."""
    result = judge(Start.INTENDED)
    if latency:
        result = _unless_lagging(history, judge, result)
    return _unless_outlasted(judge, _unless_starved(history, judge, result))


def _unless_lagging(history: History, judge: Callable[[Start], CheckResult], result: CheckResult) -> CheckResult:
    """If the generator was late, judge from the dispatch too; only what both agree on is decided."""
    lag = generator_lag(history)
    if not lag.beyond or lag.p99_ns is None:
        return result
    other = judge(Start.DISPATCHED)
    late = f"the load generator was late (p99 {wording.time(lag.p99_ns)})"
    if result.outcome == other.outcome:
        return result.model_copy(update={"reason": f"{result.reason}; {late}, from the dispatch it is the same"})
    reason = (
        f"{late} and that decides: from the intended start {result.outcome} ({result.reason}),"
        f" from the dispatch {other.outcome} ({other.reason})"
    )
    return result.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "reason": reason})


def _unless_outlasted(judge: Callable[[Start], CheckResult], result: CheckResult) -> CheckResult:
    """A PASS that only holds without those who waited until the fault was taken off is none."""
    if result.outcome is not Outcome.PASS:
        return result
    other = judge(Start.OUTLASTED)
    if other.outcome is Outcome.PASS:
        return result
    reason = f"{result.reason}; but with those who were still in flight when a fault was taken off, and ended badly,"
    return result.model_copy(
        update={"outcome": Outcome.INCONCLUSIVE, "reason": f"{reason} it would be {other.outcome}: {other.reason}"}
    )


def _unless_starved(history: History, judge: Callable[[Start], CheckResult], result: CheckResult) -> CheckResult:
    """A FAIL that vanishes without what processes without a core explain accuses the machine, not the system."""
    if result.outcome is not Outcome.FAIL or not history.was_starved():
        return result
    other = judge(Start.UNSTARVED)
    if other.outcome is Outcome.FAIL:
        return result
    return excused(result, f"without what processes that waited for a core explain it would be {other.outcome}")


def excused(result: CheckResult, why: str) -> CheckResult:
    """Return a FAIL as INCONCLUSIVE, because the machine explains it."""
    reason = f"{result.reason}; but the machine was starved: {why}"
    return result.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "reason": reason})
