"""A13: a journey that does not use the faulted edge does not suffer: neither slower nor failing.

Two results, because latency is a quantile and errors are a proportion.
"""

from __future__ import annotations

from functools import partial

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import Quantile, quantile_ratio_at_most, share_at_most
from workbench.checks.estimates import PowerEstimate, quantile_estimate, share_estimate
from workbench.checks.facts import Facts, lacks_journey, lacks_phase, planned
from workbench.checks.sli import EVIDENCE, Start, judged_fairly, quantile
from workbench.checks.slo import window_of
from workbench.checks.stretches import never_on
from workbench.model.expectations import Isolated
from workbench.model.history import History, PhaseWindow
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult, Limit, Value

Q = 0.95

_TIMES = """
SELECT count(time), quantile_disc(time, ?) FROM (
  SELECT {latency} AS time
  FROM journeys WHERE journey = ? AND phase = ? AND (NOT crossing OR {outlasted}))
"""

_ERRORS = """
SELECT count(*) FILTER (outcome NOT IN ('ok', 'degraded') AND NOT {explained}), count(*),
       (list(trace_id ORDER BY intended) FILTER (outcome NOT IN ('ok', 'degraded')))[:?]
FROM journeys
WHERE journey = ? AND phase = ? AND (NOT crossing OR ({outlasted} AND outcome NOT IN ('ok', 'degraded')))
"""


def judge_isolated(spec: Isolated, history: History) -> list[CheckResult]:
    """Judge every fault phase against baseline."""
    phases = dict.fromkeys(w.fault.phase for w in history.fault_windows() if spec.phase in (None, w.fault.phase))
    return [result for phase in phases for result in _judge_phase(spec, phase, history)]


def _judge_phase(spec: Isolated, phase: str, history: History) -> list[CheckResult]:
    seen, base = history.phase(phase), next(iter(history.phases_of("baseline")), None)
    windows = tuple(window_of(window) for window in (base, seen) if window is not None)
    slower = Claim(
        id=result_id("A13", spec.journey, phase, "p95"),
        check="A13",
        kind=spec.kind,
        text=f"p95 of {spec.journey} in {phase} is at most {spec.at_most:g} times that in baseline",
        check_class=CheckClass.QUANTILE,
        windows=windows,
    )
    failing = Claim(
        id=result_id("A13", spec.journey, phase, "errors"),
        check="A13",
        kind=spec.kind,
        text=f"at most {wording.share(spec.errors)} of {spec.journey} journeys in {phase} end badly",
        check_class=CheckClass.PROPORTION,
        windows=windows[-1:],
    )
    faults = [w for w in history.fault_windows() if w.fault.phase == phase]
    if seen is None or base is None or all(window.on_ns is None for window in faults):
        why = "phase baseline was never begun" if base is None else never_on(history, faults)
        return [slower.undecided(why), failing.undecided(why)]
    times = judged_fairly(history, lambda start: _judge_times(slower, spec, (base, seen), history, start), latency=True)
    return [times, judged_fairly(history, partial(_judge_errors, failing, spec, phase, history), latency=False)]


def _judge_times(
    claim: Claim, spec: Isolated, phases: tuple[PhaseWindow, PhaseWindow], history: History, start: Start
) -> CheckResult:
    base, seen = (_p95(spec.journey, phase.name, history, start) for phase in phases)
    if base is None or seen is None:
        return claim.undecided(f"no {spec.journey} journey in {(phases[0] if base is None else phases[1]).name}", n=0)
    decision = quantile_ratio_at_most(seen, base, spec.floor, spec.at_most)
    ratio = max(seen.value, spec.floor) / max(base.value, spec.floor)
    bounds = "" if decision.interval is None else f" ({decision.interval[0]:.3g} to {decision.interval[1]:.3g})"
    return claim.decided(
        decision,
        f"p95 of {wording.count(seen.n, spec.journey + ' journey')} in {phases[1].name} is"
        f" {wording.time(seen.value)}, of {base.n} in baseline {wording.time(base.value)}: a ratio of {ratio:.3g}"
        f"{bounds}, where everything below {wording.time(spec.floor)} counts as {wording.time(spec.floor)};"
        f" {spec.at_most:g} is allowed",
        observed=Value(number=ratio, unit="ratio"),
        limit=Limit(comparison="at_most", number=spec.at_most, unit="ratio"),
        n=min(seen.n, base.n),
    )


def _p95(journey: str, phase: str, history: History, start: Start) -> Quantile | None:
    times = _TIMES.format(latency=start.latency, outlasted=start.outlasted)
    return quantile(history, times, (journey, phase), Q)


def _judge_errors(claim: Claim, spec: Isolated, phase: str, history: History, start: Start) -> CheckResult:
    errors = _ERRORS.format(explained=start.explained, outlasted=start.outlasted)
    bad, journeys, trace_ids = history.row(errors, EVIDENCE, spec.journey, phase)
    if not journeys:
        return claim.undecided(f"no {spec.journey} journey in {phase}", n=0)
    decision = share_at_most(bad, journeys, spec.errors)
    interval = "" if decision.interval is None else f" ({wording.shares(decision.interval)})"
    return claim.decided(
        decision,
        f"{bad} of {wording.count(journeys, spec.journey + ' journey')} in {phase} ended badly:"
        f" {wording.share(bad / journeys)}{interval}; {wording.share(spec.errors)} is allowed",
        observed=Value(number=bad / journeys, unit="ratio"),
        limit=Limit(comparison="at_most", number=spec.errors, unit="ratio"),
        n=journeys,
        evidence=traces(trace_ids or [], "ended badly"),
    )


def isolated_needs(spec: Isolated, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"isolated {spec.journey}"
    problems = lacks_journey(facts, spec.journey, what) + lacks_phase(facts, "baseline", what)
    if not facts.fault_phases(None, spec.phase):
        problems.append(f"{what} needs a fault{f' in phase {spec.phase}' if spec.phase else ''}; add one to `faults`")
    return problems


def isolated_power(spec: Isolated, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate p95 (of both phases) and errors."""
    estimates = []
    for name in facts.fault_phases(None, spec.phase):
        both = {n: planned(plan, n, spec.journey) for n in (*facts.phases_of("baseline"), name)}
        slower = f"p95 of {spec.journey} in {name} is at most {spec.at_most:g} times that in baseline"
        failing = f"at most {wording.share(spec.errors)} of {spec.journey} journeys in {name} end badly"
        estimates += [
            quantile_estimate(result_id("A13", spec.journey, name, "p95"), slower, both, facts, Q),
            share_estimate(
                result_id("A13", spec.journey, name, "errors"),
                failing,
                {name: both[name]},
                facts,
                target=1 - spec.errors,
                expected=spec.expected,
            ),
        ]
    return estimates


ISOLATED = Check(
    id="A13", subject=lambda spec: spec.journey, judge=judge_isolated, needs=isolated_needs, power=isolated_power
)
