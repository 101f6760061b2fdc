"""A16: an SLO over a whole phase, with what it cost of the error budget."""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.counters import judge_counters
from workbench.checks.deciding import share_at_least
from workbench.checks.estimates import PowerEstimate, share_estimate
from workbench.checks.facts import Facts, lacks_slo, planned
from workbench.checks.sli import Start, bad_journeys, judged_fairly, tally
from workbench.model.history import History, PhaseWindow
from workbench.model.plan import Plan
from workbench.model.scenario import SloInPhases
from workbench.model.slo import Slo
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Window


def judge_slo(spec: SloInPhases, history: History) -> list[CheckResult]:
    """Judge an SLO in each phase it is asked for."""
    return [_judge_phase(spec, phase, history) for phase in spec.phases]


def _judge_phase(spec: SloInPhases, phase: str, history: History) -> CheckResult:
    slo, seen = history.run.slo(spec.slo), history.phase(phase)
    id_ = result_id("A16", spec.slo, phase)
    if slo is None:
        claim = Claim(id_, "A16", "slo", f"{spec.slo} holds in {phase}", CheckClass.PROPORTION)
        return claim.undecided(f"the run knows no SLO {spec.slo}")
    target = slo.target if spec.target is None else spec.target
    text = f"{slo.describe()} for at least {wording.share(target)} in {phase}"
    if seen is None:
        return Claim(id_, "A16", "slo", text, CheckClass.PROPORTION).undecided(f"phase {phase} was never begun")
    claim = Claim(id_, "A16", "slo", text, CheckClass.PROPORTION, (window_of(seen),))
    if slo.promql is not None:
        return judge_counters(claim, slo, target, history)
    return judged_fairly(
        history, lambda start: judge_window(claim, slo, target, history, start), latency=slo.under is not None
    )


def window_of(phase: PhaseWindow) -> Window:
    """Return a phase as the window of a result."""
    return Window(phase=phase.name, start_ns=phase.start_ns, end_ns=phase.end_ns)


def judge_window(claim: Claim, slo: Slo, target: float, history: History, start: Start) -> CheckResult:
    """Judge an SLO over the one window of a claim."""
    window = claim.windows[0]
    seen = tally(history, slo, window, start)
    if seen.total == 0:
        return claim.undecided(f"no {slo.journey} journey began and ended in {window.phase}", n=0, needed_n=1)
    decision = share_at_least(seen.good, seen.total, target)
    interval = wording.shares(decision.interval) if decision.interval else "no interval"
    reason = (
        f"{seen.good} of {wording.count(seen.total, slo.journey + ' journey')} in {window.phase} were good:"
        f" {wording.share(seen.share)} ({interval}) where at least {wording.share(target)} is wanted"
    )
    if target < 1:
        reason += f"; {_budget((1 - seen.share) / (1 - target))}"
    if decision.outcome is Outcome.INCONCLUSIVE and decision.needed_n is not None:
        reason += f"; {wording.count(decision.needed_n, 'journey')} would decide"
    return claim.decided(
        decision,
        reason,
        observed=Value(number=seen.share, unit="ratio"),
        limit=Limit(comparison="at_least", number=target, unit="ratio"),
        n=seen.total,
        evidence=bad_journeys(history, slo, window, start) if seen.bad else (),
    )


def _budget(burn: float) -> str:
    """Say what is spent. Over a phase, that and the burn rate are one number: bad share / allowed share."""
    if burn == 0:
        return "none of the error budget is spent"
    spent = f"{burn:.2g} times the error budget" if burn > 1 else f"{wording.share(burn)} of the error budget"
    return f"{spent} is spent, a burn rate of {burn:.2g}"


def slo_needs(spec: SloInPhases, facts: Facts) -> list[str]:
    """Say what keeps the SLO from being judged."""
    return lacks_slo(facts, spec.slo, spec.target)


def slo_power(spec: SloInPhases, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate each phase."""
    slo = facts.slo(spec.slo)
    if slo is None:
        return []
    target = slo.target if spec.target is None else spec.target
    return [
        share_estimate(
            result_id("A16", spec.slo, phase),
            f"{slo.describe()} for at least {wording.share(target)} in {phase}",
            {phase: planned(plan, phase, slo.journey or None)},
            facts,
            target=target,
            expected=spec.expected,
        )
        for phase in spec.phases
    ]


SLO = Check(id="A16", subject=lambda spec: spec.slo, judge=judge_slo, needs=slo_needs, power=slo_power)
