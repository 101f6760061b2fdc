"""A7: while the breaker is open only probes reach the callee, and callers are answered at once.

It is open from the first opening (see `openings`) to the undo, or to a probe that succeeds: after that it may
close. Two results, because two rules decide: probes have no exceptions, answers are a quantile.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.breaker_opens import too_short
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import quantile_at_most, universal
from workbench.checks.estimates import PowerEstimate, quantile_estimate
from workbench.checks.facts import Facts, lacks_fault, lacks_policy, lacks_traces, planned
from workbench.checks.openings import find_opening
from workbench.checks.sli import EVIDENCE, excused, quantile
from workbench.checks.stretches import Stretch, stretches
from workbench.model.expectations import BreakerHolds
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.policies import BreakerPolicy
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Window

EARLY = 0.9
"""Part of the reset timeout that has to lie between probes; a probe may come a little early by our clock."""

FEWEST_CALLS = 10
"""Calls without an attempt below which nothing was held back."""

Q = 0.95

_PROBES = """
SELECT started, coalesce(caller_started, started), ended, failed, trace_id FROM attempts_at_hand
WHERE edge = ? AND started > ? AND started < ?
ORDER BY started
"""


_CALLS = "SELECT count(*) FROM refused_at_hand WHERE edge = ? AND started > ? AND started < ?"

_TIMES = """
SELECT count(ended - started), quantile_disc(ended - started, ?) FROM refused_at_hand
WHERE edge = ? AND started > ? AND started < ?
"""

_BELOW = """
SELECT count(*) FROM refused_at_hand WHERE edge = ? AND started > ? AND started < ? AND ended - started <= ?
"""


@dataclass(frozen=True, slots=True)
class _Open:
    """The time a breaker was open, and what reached the callee in it."""

    from_ns: int
    to_ns: int
    probes: int
    early: int
    """Attempts beyond the allowed number of probes in one reset timeout."""
    traces: list[str | None]


def judge_breaker_holds(spec: BreakerHolds, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    return [
        result for stretch in stretches(history, spec.edge, spec.phase) for result in _judge(spec, stretch, history)
    ]


def _judge(spec: BreakerHolds, stretch: Stretch, history: History) -> list[CheckResult]:
    claims = _claims(spec, stretch, stretch.windows())
    policy = history.policy(spec.edge)
    if policy is None or policy.breaker is None:
        return [claim.undecided(f"the caller does not say that it has a breaker on {spec.edge}") for claim in claims]
    if stretch.on_ns is None:
        return [claim.undecided(stretch.why) for claim in claims]
    pause = find_opening(history, stretch, policy.breaker.reset_timeout).pause
    if pause is None:
        return [
            claim.undecided("no opening was seen in the attempts, so there was nothing to hold") for claim in claims
        ]
    seen = _open(history, stretch, pause.last_start_ns, policy.breaker)
    window = Window(phase=stretch.phase, start_ns=seen.from_ns, end_ns=seen.to_ns)
    probes, answers = _claims(spec, stretch, (window,))
    return [_judge_probes(probes, spec, seen, policy.breaker, history), _judge_answers(answers, spec, seen, history)]


def _claims(spec: BreakerHolds, stretch: Stretch, windows: tuple[Window, ...]) -> tuple[Claim, Claim]:
    probes = f"while the breaker of {spec.edge} is open only probes reach the callee"
    answers = f"while the breaker of {spec.edge} is open p95 of calls is at most {wording.time(spec.answer_within)}"
    return (
        Claim(_id(spec, stretch, "probes"), "A7", spec.kind, probes, CheckClass.UNIVERSAL, windows),
        Claim(_id(spec, stretch, "answers"), "A7", spec.kind, answers, CheckClass.QUANTILE, windows),
    )


def _id(spec: BreakerHolds, stretch: Stretch, part: str) -> str:
    return result_id("A7", spec.edge, stretch.phase, part)


def _open(history: History, stretch: Stretch, from_ns: int, breaker: BreakerPolicy) -> _Open:
    """Walk over the attempts after the opening, up to the undo or the first that succeeds.

    Probes are too close only if they are so for the plane and for the caller: a stall of one must not accuse the other.
    """
    starts: list[tuple[int, int]] = []
    early, trace_ids, end = 0, list[str | None](), stretch.undo_ns
    rows = history.stream(_PROBES, stretch.edge, from_ns, stretch.undo_ns)
    for started, sent, ended, failed, trace_id in rows:
        if started > end:
            break
        starts.append((started, sent))
        # One more than the allowed probes inside one reset timeout is one too many.
        if len(starts) > breaker.half_open_probes:
            first_started, first_sent = starts.pop(0)
            if max(started - first_started, sent - first_sent) < EARLY * breaker.reset_timeout:
                early += 1
                trace_ids += [trace_id] if len(trace_ids) < EVIDENCE else []
        if not failed:
            end = min(end, ended)
    probes = _count(history, stretch.edge, from_ns, end)
    return _Open(from_ns, end, probes, early, trace_ids)


def _count(history: History, edge: str, after_ns: int, to_ns: int) -> int:
    (probes,) = history.row(
        "SELECT count(*) FROM attempts_at_hand WHERE edge = ? AND started > ? AND started <= ?", edge, after_ns, to_ns
    )
    return int(probes)


def _judge_probes(
    claim: Claim, spec: BreakerHolds, seen: _Open, breaker: BreakerPolicy, history: History
) -> CheckResult:
    (calls,) = history.row(_CALLS, spec.edge, seen.from_ns, seen.to_ns)
    return claim.decided(
        universal(seen.early, calls, FEWEST_CALLS),
        f"the breaker was open for {wording.time(seen.to_ns - seen.from_ns)}: {wording.count(calls, 'call')} made no"
        f" attempt and {wording.count(seen.probes, 'probe')} reached the callee, {seen.early} of them beyond"
        f" {breaker.half_open_probes} in {wording.time(breaker.reset_timeout)}",
        observed=Value(number=seen.early, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=calls,
        evidence=traces(seen.traces, "reached the callee while the breaker was open"),
    )


def _judge_answers(claim: Claim, spec: BreakerHolds, seen: _Open, history: History) -> CheckResult:
    where = (spec.edge, seen.from_ns, seen.to_ns)
    p95 = quantile(history, _TIMES, where, Q)
    if p95 is None:
        return claim.undecided("no call without an attempt was seen while the breaker was open", n=0)
    (below,) = history.row(_BELOW, *where, spec.answer_within)
    decision = quantile_at_most(p95, spec.answer_within, below)
    bounds = "" if decision.interval is None else f" ({wording.times(decision.interval)})"
    result = claim.decided(
        decision,
        f"p95 of {wording.count(p95.n, 'call')} that the open breaker answered is {wording.time(p95.value)}{bounds};"
        f" {wording.time(spec.answer_within)} is allowed",
        observed=Value(number=p95.value, unit="ns"),
        limit=Limit(comparison="at_most", number=spec.answer_within, unit="ns"),
        n=p95.n,
    )
    if decision.outcome is Outcome.FAIL and p95.value - spec.answer_within <= history.longest_starved_ns(*where[1:]):
        return excused(result, "a process waited for a core for longer than these answers were late")
    return result


def breaker_holds_needs(spec: BreakerHolds, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"breaker_holds on {spec.edge}"
    problems = lacks_fault(facts, spec.edge, spec.phase, what) + lacks_policy(facts, spec.edge, "breaker", what)
    policy = facts.policy(spec.edge)
    if policy is not None and policy.breaker is not None:
        problems += too_short(facts, spec.edge, spec.phase, policy.breaker.reset_timeout, what)
    return problems + lacks_traces(facts, spec.edge, what)


def breaker_holds_power(spec: BreakerHolds, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether enough calls are made for an upper bound of p95."""
    return [
        quantile_estimate(
            result_id("A7", spec.edge, phase, "answers"),
            f"while the breaker of {spec.edge} is open p95 of calls is at most {wording.time(spec.answer_within)}",
            {phase: planned(plan, phase)},
            facts,
            Q,
        )
        for phase in facts.fault_phases(spec.edge, spec.phase)
    ]


BREAKER_HOLDS = Check(
    id="A7",
    subject=lambda spec: spec.edge,
    judge=judge_breaker_holds,
    needs=breaker_holds_needs,
    power=breaker_holds_power,
)
