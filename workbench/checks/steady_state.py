"""A1: the steady state holds in baseline, and again in recovery from the moment of recovery on.

Baseline outside its target says nothing about resilience: the start was not fair. So there it is INCONCLUSIVE;
in recovery it is FAIL.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.estimates import PowerEstimate, share_estimate
from workbench.checks.facts import Facts, lacks_phase, lacks_slo, planned
from workbench.checks.recovery import recovery
from workbench.checks.sli import Start, judged_fairly
from workbench.checks.slo import judge_window, window_of
from workbench.model.expectations import Recovers
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.scenario import Scenario, SteadyState
from workbench.model.slo import Slo
from workbench.model.units import NS_PER_S, Duration
from workbench.model.verdict import CheckClass, CheckResult, Outcome, Window

HOLD = Duration(3 * NS_PER_S)
"""How long an SLO without a `recovers` expectation has to hold to count as recovered."""


def judge_steady_state(spec: SteadyState, history: History) -> list[CheckResult]:
    """Judge one SLO in baseline and, where there is one, in recovery."""
    slo = history.run.slo(spec.slo)
    if slo is None:
        return [_claim(spec, "baseline", None, spec.slo).undecided(f"the run knows no SLO {spec.slo}")]
    results = [_judge_baseline(spec, slo, history)]
    if any(phase.role == "recovery" for phase in history.run.scenario.phases):
        latency = slo.under is not None
        results.append(judged_fairly(history, lambda s: _judge_recovery(spec, slo, history, s), latency=latency))
    return results


def _claim(spec: SteadyState, phase: str, window: Window | None, text: str) -> Claim:
    windows = () if window is None else (window,)
    return Claim(result_id("A1", spec.slo, phase), "A1", "steady_state", text, CheckClass.PROPORTION, windows)


def _text(slo: Slo, target: float, when: str) -> str:
    return f"{slo.describe()} for at least {wording.share(target)} {when}"


def _judge_baseline(spec: SteadyState, slo: Slo, history: History) -> CheckResult:
    target = slo.target if spec.target is None else spec.target
    text = _text(slo, target, "in baseline")
    phase = next(iter(history.phases_of("baseline")), None)
    if phase is None:
        return _claim(spec, "baseline", None, text).undecided("phase baseline was never begun")
    claim = _claim(spec, phase.name, window_of(phase), text)
    result = judged_fairly(
        history, lambda start: judge_window(claim, slo, target, history, start), latency=slo.under is not None
    )
    if result.outcome is Outcome.FAIL:
        reason = f"not a fair start: {result.reason}"
        return result.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "reason": reason})
    return result


def _judge_recovery(spec: SteadyState, slo: Slo, history: History, start: Start) -> CheckResult:
    target = slo.target if spec.target is None else spec.target
    text = _text(slo, target, "in recovery, from the moment of recovery on")
    phase = next(iter(history.phases_of("recovery")), None)
    asked, hold = recovery_rule(history.run.scenario, slo, target)
    seen = recovery(history, slo, asked, hold, start)
    if phase is None or seen is None:
        return _claim(spec, "recovery", None, text).undecided("the recovery phase was never begun")
    if seen.since_ns is None:
        window = Window(phase=phase.name, start_ns=seen.off_ns, end_ns=phase.end_ns)
        return _unrecovered(judge_window(_claim(spec, phase.name, window, text), slo, target, history, start))
    window = Window(phase=phase.name, start_ns=seen.since_ns, end_ns=phase.end_ns)
    result = judge_window(_claim(spec, phase.name, window, text), slo, target, history, start)
    since = f"from {wording.time(seen.since_ns - seen.off_ns)} after the undo on"
    return result.model_copy(update={"reason": f"{since}, {result.reason}"})


def _unrecovered(whole_phase: CheckResult) -> CheckResult:
    """Say what follows where no moment of recovery was found and the whole phase counts: FAIL, but never PASS."""
    outcome = Outcome.INCONCLUSIVE if whole_phase.outcome is Outcome.PASS else whole_phase.outcome
    reason = f"no moment of recovery was found, so all of it counts: {whole_phase.reason}"
    return whole_phase.model_copy(update={"outcome": outcome, "reason": reason})


def recovery_rule(scenario: Scenario, slo: Slo, target: float) -> tuple[float, int]:
    """Return the share and the time that make a moment of recovery: those of `recovers` if it is expected."""
    for spec in scenario.expect:
        if isinstance(spec, Recovers) and spec.slo == slo.name:
            return (slo.target if spec.target is None else spec.target), spec.hold
    return target, HOLD


def steady_state_needs(spec: SteadyState, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    return lacks_slo(facts, spec.slo, spec.target) + lacks_phase(facts, "baseline", f"steady_state {spec.slo}")


def steady_state_power(spec: SteadyState, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate baseline, and recovery after the time that recovering may take."""
    slo = facts.slo(spec.slo)
    if slo is None:
        return []
    target = slo.target if spec.target is None else spec.target
    samples = {name: planned(plan, name, slo.journey) for name in facts.phases_of("baseline")}
    for name in facts.phases_of("recovery"):
        samples[name] = round(planned(plan, name, slo.journey) * _part_after_recovery(spec, facts, name))
    return [
        share_estimate(
            result_id("A1", spec.slo, name),
            _text(slo, target, f"in {name}"),
            {name: number},
            facts,
            target=target,
            expected=spec.expected,
        )
        for name, number in samples.items()
    ]


def _part_after_recovery(spec: SteadyState, facts: Facts, name: str) -> float:
    allowed = [e.within.s for e in facts.scenario.expect if isinstance(e, Recovers) and e.slo == spec.slo]
    phase = facts.scenario.phase(name)
    if not allowed or phase is None:
        return 1.0
    return max(0.0, 1 - max(allowed) / phase.duration.s)


STEADY_STATE = Check(
    id="A1",
    subject=lambda spec: spec.slo,
    judge=judge_steady_state,
    needs=steady_state_needs,
    power=steady_state_power,
)
