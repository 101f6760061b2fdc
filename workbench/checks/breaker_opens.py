"""A6: the breaker opens in time, and lets through no more failing attempts than it says.

Attempts at the callee decide; no breaker is asked. See `openings` for what counts as an opening. Two results,
because two rules decide: the moment is an event in time, the number of attempts let through has no exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import moment_within, universal
from workbench.checks.estimates import PowerEstimate, cases_estimate
from workbench.checks.facts import Facts, lacks_fault, lacks_policy, planned
from workbench.checks.openings import PAUSE, Opening, Pause, find_opening
from workbench.checks.sli import EVIDENCE, excused
from workbench.checks.stretches import Stretch, stretches
from workbench.model.expectations import BreakerOpens
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.policies import BreakerPolicy
from workbench.model.units import Duration
from workbench.model.verdict import CheckClass, CheckResult, Evidence, Limit, Outcome, Value

_LET_THROUGH = """
SELECT count(*), count(*) FILTER (failed) FROM attempts_at_hand
WHERE edge = ? AND started >= ? AND started <= ? AND ended <= ?
"""

# Of plane and caller the later end and the earlier start count: a stall of one must not accuse the other.
_NTH_FAILURE = """
SELECT greatest(ended, caller_ended) AS known FROM attempts_at_hand
WHERE edge = ? AND started >= ? AND started <= ? AND failed
ORDER BY known LIMIT 1 OFFSET ?
"""

_LAST_FAILURES = """
SELECT trace_id FROM attempts_at_hand WHERE edge = ? AND started <= ? AND failed ORDER BY started DESC LIMIT ?
"""

_TOO_MANY = """
SELECT count(*), list(trace_id ORDER BY started)[:?], max(least(started, caller_started)) FROM attempts_at_hand
WHERE edge = ? AND least(started, caller_started) > ? AND started <= ?
"""


@dataclass(frozen=True, slots=True)
class _Case:
    """One stretch, with the breaker that the caller says it has there."""

    spec: BreakerOpens
    stretch: Stretch
    breaker: BreakerPolicy
    history: History


def judge_breaker_opens(spec: BreakerOpens, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    return [
        result for stretch in stretches(history, spec.edge, spec.phase) for result in _judge(spec, stretch, history)
    ]


def _judge(spec: BreakerOpens, stretch: Stretch, history: History) -> list[CheckResult]:
    opens = Claim(
        id=result_id("A6", spec.edge, stretch.phase),
        check="A6",
        kind=spec.kind,
        text=f"the breaker of {spec.edge} opens within {wording.time(spec.within)} of the first failing attempt",
        check_class=CheckClass.EVENT_TIME,
        windows=stretch.windows(),
    )
    policy = history.policy(spec.edge)
    if policy is None or policy.breaker is None:
        return [opens.undecided(f"the caller does not say that it has a breaker on {spec.edge}")]
    if stretch.on_ns is None:
        return [opens.undecided(stretch.why)]
    case = _Case(spec, stretch, policy.breaker, history)
    found = find_opening(history, stretch, policy.breaker.reset_timeout)
    bounded = Claim(
        id=result_id("A6", spec.edge, stretch.phase, "threshold"),
        check="A6",
        kind=spec.kind,
        text=f"after {policy.breaker.failures_to_open} failing attempts on {spec.edge} no more are let through",
        check_class=CheckClass.UNIVERSAL,
        windows=stretch.windows(),
    )
    return [_judge_moment(opens, case, found), _judge_threshold(bounded, case, found)]


def _judge_moment(claim: Claim, case: _Case, found: Opening) -> CheckResult:
    first, pause = found.first_failed_end_ns, found.pause
    if first is None:
        attempts = wording.count(found.attempts, "attempt")
        return claim.undecided(
            f"none of {attempts} failed as the fault plane saw it, so opening cannot be judged", n=found.attempts
        )
    if pause is None or pause.refused_ns is None:
        return _judge_never(claim, case, found, first)
    # The breaker opened after it let the last attempt through and before it refused the first call.
    low, high = max(0, pause.last_start_ns - first), max(0, pause.refused_ns - first)
    return claim.decided(
        moment_within(low, high, case.spec.within),
        f"attempts stopped {wording.time(high)} after the first failing one had ended, for"
        f" {wording.time(pause.end_ns - pause.last_start_ns)} in which {wording.count(pause.calls, 'call')} made none;"
        f" {wording.time(case.spec.within)} is allowed",
        observed=Value(number=high, unit="ns"),
        limit=Limit(comparison="at_most", number=case.spec.within, unit="ns"),
        n=found.attempts,
        evidence=_evidence(pause),
    )


def _evidence(pause: Pause) -> list[Evidence]:
    text = f"last attempt at {wording.time(pause.last_start_ns)} into the run, next at {wording.time(pause.end_ns)}"
    return [Evidence(kind="attempt", ref="pause", text=text)]


def _judge_never(claim: Claim, case: _Case, found: Opening, first: int) -> CheckResult:
    breaker, left = case.breaker, case.stretch.undo_ns - first
    if found.failed < breaker.failures_to_open:
        reason = f"only {wording.count(found.failed, 'attempt')} failed, it opens after {breaker.failures_to_open}"
        return claim.undecided(reason, n=found.failed, needed_n=breaker.failures_to_open)
    if left < case.spec.within + breaker.reset_timeout:
        return claim.undecided(
            f"the fault ended {wording.time(left)} after the first failing attempt; to open within"
            f" {wording.time(case.spec.within)} and stay so for {wording.time(breaker.reset_timeout)} takes longer",
            n=found.failed,
        )
    if found.doubtful is not None:
        gap = wording.time(found.doubtful.end_ns - found.doubtful.last_start_ns)
        calls = wording.count(found.doubtful.calls, "call")
        reason = f"attempts paused for {gap}, but {calls} in it are too few to tell a breaker from no demand"
        return claim.undecided(reason, n=found.failed)
    last = case.history.rows(_LAST_FAILURES, case.spec.edge, case.stretch.undo_ns, EVIDENCE)
    return claim.result(
        Outcome.FAIL,
        f"the breaker never opened: {found.failed} of {wording.count(found.attempts, 'attempt')} failed, and"
        f" attempts never paused for longer than {wording.time(found.longest_ns)};"
        f" it should open after {breaker.failures_to_open} and stay so for {wording.time(breaker.reset_timeout)}",
        observed=Value(number=left, unit="ns"),
        limit=Limit(comparison="at_most", number=case.spec.within, unit="ns"),
        n=found.attempts,
        evidence=traces([trace for (trace,) in last], "let through and failed, near the end of the fault"),
    )


def _judge_threshold(claim: Claim, case: _Case, found: Opening) -> CheckResult:
    """Count attempts that began after the failure that should have opened it was known to the caller."""
    edge, breaker, history = case.spec.edge, case.breaker, case.history
    start = case.stretch.on_ns
    end = case.stretch.undo_ns if found.pause is None else found.pause.last_start_ns
    # What ended after the undo may have succeeded because of it.
    attempts, failed = history.row(_LET_THROUGH, edge, start, end, case.stretch.undo_ns)
    if failed == 0:
        return claim.undecided("no attempt failed", n=0, needed_n=breaker.failures_to_open)
    if failed < attempts:
        return claim.not_applicable(
            f"{attempts - failed} of {attempts} attempts succeeded, so failures did not come in a row"
        )
    nth = history.rows(_NTH_FAILURE, edge, start, end, breaker.failures_to_open - 1)
    if not nth and found.pause is None:
        reason = f"only {wording.count(failed, 'attempt')} failed, it opens after {breaker.failures_to_open}"
        return claim.undecided(reason, n=failed, needed_n=breaker.failures_to_open)
    known = nth[0][0] if nth else end
    too_many, trace_ids, last = history.row(_TOO_MANY, EVIDENCE, edge, known + case.spec.slack, end)
    result = claim.decided(
        universal(too_many, attempts, min_n=1),
        f"{wording.count(too_many, 'attempt')} of {attempts} began more than {wording.time(case.spec.slack)}"
        f" after failure number {breaker.failures_to_open}",
        observed=Value(number=too_many, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=attempts,
        evidence=traces(trace_ids or [], "let through although the breaker should have been open"),
    )
    if too_many and last - known <= case.spec.slack + history.starved_ns(known, last):
        return excused(result, "processes waited for a core for as long as these attempts were late")
    return result


def breaker_opens_needs(spec: BreakerOpens, facts: Facts) -> list[str]:
    """Say what keeps it from being judged, such as a fault that is shorter than the reset timeout."""
    what = f"breaker_opens on {spec.edge}"
    problems = lacks_fault(facts, spec.edge, spec.phase, what) + lacks_policy(facts, spec.edge, "breaker", what)
    policy = facts.policy(spec.edge)
    if policy is not None and policy.breaker is not None:
        needed = Duration(spec.within + policy.breaker.reset_timeout)
        problems += too_short(facts, spec.edge, spec.phase, needed, what)
    return problems


def too_short(facts: Facts, edge: str, phase: str | None, needed: Duration, what: str) -> list[str]:
    """Say which faults on an edge end before a breaker could be seen open."""
    problems = []
    for fault in facts.scenario.faults:
        declared = facts.scenario.phase(fault.phase)
        if not fault.touches(edge) or phase not in (None, fault.phase) or declared is None:
            continue
        lasts = fault.schedule.duration
        if lasts is None:
            lasts = Duration(declared.duration - fault.schedule.start)
        if lasts < needed:
            problems.append(
                f"{what}: fault {fault.id} lasts {lasts}, and to open and stay open for {PAUSE:.0%} of the reset"
                f" timeout may take {needed}; make it last longer"
            )
    return problems


def breaker_opens_power(spec: BreakerOpens, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether enough attempts can fail to open it."""
    policy = facts.policy(spec.edge)
    if policy is None or policy.breaker is None:
        return []
    return [
        cases_estimate(
            result_id("A6", spec.edge, phase),
            f"the breaker of {spec.edge} opens within {wording.time(spec.within)} of the first failing attempt",
            {phase: planned(plan, phase)},
            facts,
            min_n=policy.breaker.failures_to_open,
        )
        for phase in facts.fault_phases(spec.edge, spec.phase)
    ]


BREAKER_OPENS = Check(
    id="A6",
    subject=lambda spec: spec.edge,
    judge=judge_breaker_opens,
    needs=breaker_opens_needs,
    power=breaker_opens_power,
)
