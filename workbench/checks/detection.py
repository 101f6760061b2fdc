"""A17: an SLO's burn-rate alert fires soon after the fault, clears soon after its end, and is silent without one.

Prometheus evaluates the rules of an SLO once a second and leaves a sample of each evaluation, so silence is something
that was seen, and every moment is known to one evaluation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.deciding import moment_within, universal
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts, lacks_phase, lacks_slo, lacks_tool
from workbench.model.burn_rates import burn_rates
from workbench.model.detection import ALERT, EVALUATED
from workbench.model.expectations import Detects
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.tools import Tool
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Window

_EVALUATED = """
SELECT DISTINCT time FROM prometheus WHERE name = ? AND labels ->> 'slo' = ? ORDER BY time
"""

_FIRING = """
SELECT DISTINCT time FROM prometheus
WHERE name = 'ALERTS' AND labels ->> 'alertname' = ? AND labels ->> 'alertstate' = 'firing'
  AND labels ->> 'slo' = ? AND labels ->> 'severity' = ?
ORDER BY time
"""

_GAP_NS = 3_000_000_000
"""Evaluations farther apart than this leave out what may have happened between them."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """When the rules were evaluated, and when the alert fired; both sorted, ns since run zero."""

    evaluated: list[int]
    firing: list[int]

    def before(self, at_ns: int) -> int | None:
        """Return the last evaluation before a moment."""
        index = bisect_left(self.evaluated, at_ns)
        return self.evaluated[index - 1] if index else None

    def after(self, at_ns: int) -> int | None:
        """Return the first evaluation after a moment."""
        index = bisect_right(self.evaluated, at_ns)
        return self.evaluated[index] if index < len(self.evaluated) else None

    def within(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """Return how many evaluations there were in a stretch, and in how many of them the alert fired."""
        return _between(self.evaluated, start_ns, end_ns), _between(self.firing, start_ns, end_ns)

    def gap(self, start_ns: int, end_ns: int) -> int:
        """Return the longest time without an evaluation in a stretch."""
        inside = self.evaluated[bisect_left(self.evaluated, start_ns) : bisect_right(self.evaluated, end_ns)]
        marks = [start_ns, *inside, end_ns]
        return max(later - earlier for earlier, later in pairwise(marks))


def _between(times: list[int], start_ns: int, end_ns: int) -> int:
    return bisect_left(times, end_ns) - bisect_left(times, start_ns)


def judge_detects(spec: Detects, history: History) -> list[CheckResult]:
    """Judge when the alert fired and cleared, and whether it was silent in baseline."""
    seen = Alerting(
        [time for (time,) in history.rows(_EVALUATED, EVALUATED, spec.slo)],
        [time for (time,) in history.rows(_FIRING, ALERT, spec.slo, spec.severity)],
    )
    what = f"the {spec.severity} alert of {spec.slo}"
    fires = _claim(spec, "", CheckClass.EVENT_TIME, f"{what} fires within {wording.time(spec.within)} of the fault")
    clears = _claim(
        spec, "clears", CheckClass.EVENT_TIME, f"{what} clears within {wording.time(spec.clears_within)} of the undo"
    )
    silent = _claim(spec, "silent", CheckClass.UNIVERSAL, f"{what} is silent in baseline")
    if not seen.evaluated:
        lack = f"Prometheus kept no evaluation of the rules of {spec.slo}"
        return [claim.undecided(lack) for claim in (fires, clears, silent)]
    return [*_judge_fault(spec, seen, fires, clears, history), _judge_silent(spec, seen, silent, history)]


def _claim(spec: Detects, part: str, check_class: CheckClass, text: str, windows: tuple[Window, ...] = ()) -> Claim:
    return Claim(result_id("A17", spec.slo, part=part), "A17", "detects", text, check_class, windows)


def _judge_fault(spec: Detects, seen: Alerting, fires: Claim, clears: Claim, history: History) -> list[CheckResult]:
    windows = [window for window in history.fault_windows() if window.on_ns is not None]
    on_ns = min((window.on_ns for window in windows if window.on_ns is not None), default=None)
    if on_ns is None:
        return [claim.undecided("no fault was ever on, so there was nothing to detect") for claim in (fires, clears)]
    until_ns = max(history.until_ns(window) for window in windows)
    off = [window.off_ns for window in windows if window.off_ns is not None]
    fired = _judge_fires(spec, seen, fires, on_ns, until_ns)
    if len(off) < len(windows):
        return [fired, clears.undecided("a fault was never verified to be off")]
    return [fired, _judge_clears(spec, seen, clears, max(off), history.load_end_ns())]


def _judge_fires(spec: Detects, seen: Alerting, claim: Claim, on_ns: int, until_ns: int) -> CheckResult:
    limit = Limit(comparison="at_most", number=spec.within, unit="ns")
    last_before = seen.before(on_ns)
    if last_before is not None and last_before in seen.firing:
        return claim.undecided("it was firing already when the fault came, so it says nothing about the fault")
    first = next((time for time in seen.firing if time >= on_ns), None)
    if first is None or first - on_ns > max(spec.within, until_ns - on_ns):
        return _never_fired(spec, seen, claim, on_ns, until_ns)
    low = max((seen.before(first) or on_ns) - on_ns, 0)
    return claim.decided(
        moment_within(low, first - on_ns, spec.within),
        f"it fired {wording.time(first - on_ns)} after the fault was on (the evaluation before was at"
        f" {wording.time(low)}); {wording.time(spec.within)} is allowed",
        observed=Value(number=first - on_ns, unit="ns"),
        limit=limit,
        n=len(seen.evaluated),
    )


def _never_fired(spec: Detects, seen: Alerting, claim: Claim, on_ns: int, until_ns: int) -> CheckResult:
    """It is missed only where somebody looked all the time that it had."""
    end_ns = on_ns + spec.within
    if until_ns < end_ns:
        return claim.undecided(
            f"the fault was on for {wording.time(until_ns - on_ns)}, less than the {wording.time(spec.within)} it has"
        )
    gap = seen.gap(on_ns, end_ns)
    if gap > _GAP_NS:
        return claim.undecided(f"its rules were not evaluated for {wording.time(gap)} while the fault was on")
    evaluated, _ = seen.within(on_ns, until_ns)
    return claim.result(
        Outcome.FAIL,
        f"it never fired in {wording.count(evaluated, 'evaluation')} while the fault was on",
        observed=Value(number=until_ns - on_ns, unit="ns"),
        limit=Limit(comparison="at_most", number=spec.within, unit="ns"),
        n=evaluated,
    )


def _judge_clears(spec: Detects, seen: Alerting, claim: Claim, off_ns: int, end_ns: int) -> CheckResult:
    limit = Limit(comparison="at_most", number=spec.clears_within, unit="ns")
    during = [time for time in seen.firing if time <= end_ns]
    if not during:
        return claim.undecided("it never fired, so there was nothing to clear")
    last = during[-1]
    clear = seen.after(last)
    low = max(last - off_ns, 0)
    if clear is None or clear > end_ns:
        watched = max(end_ns - off_ns, 0)
        if watched <= spec.clears_within:
            return claim.undecided(f"it was firing to the end, and recovery was watched for {wording.time(watched)}")
        return claim.result(
            Outcome.FAIL,
            f"it was firing to the end, {wording.time(watched)} after the undo;"
            f" {wording.time(spec.clears_within)} is allowed",
            observed=Value(number=watched, unit="ns"),
            limit=limit,
            n=len(during),
        )
    high = max(clear - off_ns, 0)
    return claim.decided(
        moment_within(low, high, spec.clears_within),
        f"it was last seen firing {wording.time(low)} and first seen silent {wording.time(high)} after the undo;"
        f" {wording.time(spec.clears_within)} is allowed",
        observed=Value(number=high, unit="ns"),
        limit=limit,
        n=len(during),
    )


def _judge_silent(spec: Detects, seen: Alerting, claim: Claim, history: History) -> CheckResult:
    phases = history.phases_of("baseline")
    if not phases:
        return claim.undecided("phase baseline was never begun")
    evaluated = firing = 0
    for phase in phases:
        all_of_it, fired = seen.within(phase.start_ns, phase.end_ns)
        evaluated, firing = evaluated + all_of_it, firing + fired
    return claim.decided(
        universal(firing, evaluated, spec.min_n),
        f"it fired in {firing} of {wording.count(evaluated, 'evaluation')} of baseline",
        observed=Value(number=firing, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=evaluated,
    )


def detects_needs(spec: Detects, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"detects {spec.slo}"
    problems = lacks_tool(facts, Tool.PROMETHEUS, what) + lacks_slo(facts, spec.slo, None)
    problems += lacks_phase(facts, "baseline", what) + lacks_phase(facts, "recovery", what)
    if not facts.scenario.faults:
        problems.append(f"{what} needs a fault; add one to `faults`")
    slo = facts.slo(spec.slo)
    run_s = sum(phase.duration.s for phase in facts.scenario.phases)
    if slo is not None and spec.severity not in {rate.severity for rate in burn_rates(run_s, slo.target)}:
        problems.append(
            f"{what}: no {spec.severity} alert could ever fire for a target of {wording.share(slo.target)}; raise the"
            " target of the SLO, or ask for severity ticket"
        )
    return problems


def detects_power(_spec: Detects, _facts: Facts, _plan: Plan) -> list[PowerEstimate]:
    """Return nothing: evaluations come once a second whatever arrives."""
    return []


DETECTS = Check(id="A17", subject=lambda spec: spec.slo, judge=judge_detects, needs=detects_needs, power=detects_power)
