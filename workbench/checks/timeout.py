"""A10: every attempt that a fault held up ends within its timeout.

The shorter of two views counts, the plane's and the caller's span: a process that was stalled on one side (a busy
machine, a slow read of an answer) must not accuse the other, and an attempt that really had no end is long in both.
Only attempts that lasted about as long as the timeout show anything; one that was answered before does not.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import universal
from workbench.checks.estimates import PowerEstimate, cases_estimate, most_failing
from workbench.checks.facts import Facts, lacks_fault, lacks_policy, planned
from workbench.checks.sli import EVIDENCE, excused
from workbench.checks.stretches import Stretch, stretches
from workbench.model.expectations import TimeoutBound
from workbench.model.faults.actions import Admit, Delay, Lose, Swallow
from workbench.model.faults.base import CalleeFault, FaultBase, RequestFault
from workbench.model.faults.seeded import Draw
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value

REACHED = 0.8
"""An attempt that lasted this part of the timeout has put it to the test."""

_SAMPLED = 1_000

_HELD_UP = """
WITH hit AS (
  SELECT DISTINCT a.ordinal, a.parent_span_id, least(a.ended - a.accepted, s.ended - s.started) AS lasted, a.trace_id
  FROM attempts a
  LEFT JOIN spans s ON s.trace_id = a.trace_id AND s.span_id = a.parent_span_id
  WHERE a.edge = ? AND NOT a.canary AND (a.faults <> '' OR ?) AND a.accepted >= ? AND a.accepted < ?)
SELECT count(*), count(*) FILTER (lasted >= ?), count(*) FILTER (lasted > ?), max(lasted),
       (list(trace_id ORDER BY lasted DESC) FILTER (lasted > ?))[:?]
FROM hit
"""

_LATE = """
SELECT accepted, lasted FROM (
  SELECT a.accepted, least(a.ended - a.accepted, s.ended - s.started) AS lasted
  FROM attempts a
  LEFT JOIN spans s ON s.trace_id = a.trace_id AND s.span_id = a.parent_span_id
  WHERE a.edge = ? AND NOT a.canary AND (a.faults <> '' OR ?) AND a.accepted >= ? AND a.accepted < ?)
WHERE lasted > ?
"""


def judge_timeout_bound(spec: TimeoutBound, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    return [_judge(spec, stretch, history) for stretch in stretches(history, spec.edge, spec.phase)]


def _judge(spec: TimeoutBound, stretch: Stretch, history: History) -> CheckResult:
    policy = history.policy(spec.edge)
    timeout = None if policy is None else policy.timeout
    claim = Claim(
        id=result_id("A10", spec.edge, stretch.phase),
        check="A10",
        kind=spec.kind,
        text=f"every attempt on {spec.edge} ends within its timeout"
        + (f" of {wording.time(timeout)}" if timeout else ""),
        check_class=CheckClass.UNIVERSAL,
        windows=stretch.windows(),
    )
    if timeout is None:
        return claim.undecided(f"the caller does not say that it has a timeout on {spec.edge}")
    if stretch.on_ns is None:
        return claim.undecided(stretch.why)
    allowed = timeout + spec.slack
    where = _where(stretch)
    hit, reached, beyond, longest, trace_ids = history.row(
        _HELD_UP, *where, REACHED * timeout, allowed, allowed, EVIDENCE
    )
    if not hit:
        return claim.undecided("the fault hit no attempt", n=0, needed_n=spec.min_n)
    result = claim.decided(
        universal(beyond, reached, spec.min_n),
        f"{reached} of {wording.count(hit, 'attempt')} that the fault hit lasted about as long as the timeout of"
        f" {wording.time(timeout)} or longer, the longest {wording.time(longest)}; {wording.time(allowed)} is allowed"
        + (f", and {wording.count(beyond, 'attempt')} took more" if beyond else ""),
        observed=Value(number=longest, unit="ns"),
        limit=Limit(comparison="at_most", number=allowed, unit="ns"),
        n=reached,
        evidence=traces(trace_ids or [], f"longer than {wording.time(allowed)}"),
    )
    return _unless_starved(history, result, stretch, allowed)


def _where(stretch: Stretch) -> tuple[str, bool, int, int]:
    """Return which attempts are meant. A fault on the callee disturbs all of its time; the plane has not picked any."""
    assert stretch.on_ns is not None
    on_callee = any(isinstance(fault, CalleeFault) for fault in stretch.faults)
    return stretch.edge, on_callee, stretch.on_ns, stretch.undo_ns


def _unless_starved(history: History, result: CheckResult, stretch: Stretch, allowed: int) -> CheckResult:
    """Attempts that are late by no more than processes had no core are no evidence."""
    if result.outcome is not Outcome.FAIL or not history.was_starved():
        return result
    late = history.stream(_LATE, *_where(stretch), allowed)
    if any(lasted - history.starved_ns(began, began + lasted) > allowed for began, lasted in late):
        return result
    return excused(result, "processes waited for a core for as long as these attempts were late")


def timeout_bound_needs(spec: TimeoutBound, facts: Facts) -> list[str]:
    """Say what keeps it from being judged, such as a fault that ends before the timeout does."""
    what = f"timeout_bound on {spec.edge}"
    problems = lacks_fault(facts, spec.edge, spec.phase, what) + lacks_policy(facts, spec.edge, "timeout", what)
    policy = facts.policy(spec.edge)
    if problems or policy is None or policy.timeout is None:
        return problems
    faults = _faults(spec, facts)
    if not any(_part_held_up(fault, facts.scenario.seed, policy.timeout) for fault in faults):
        problems.append(
            f"{what}: no fault there holds an attempt up for longer than the timeout of {policy.timeout}, so nothing"
            " would show what ends it; use `blackhole`, `pause`, or `latency` with a longer delay"
        )
    return problems


def _faults(spec: TimeoutBound, facts: Facts) -> list[FaultBase]:
    return [f for f in facts.scenario.faults if f.touches(spec.edge) and spec.phase in (None, f.phase)]


def _part_held_up(fault: FaultBase, seed: int, timeout_ns: int) -> float:
    """Return which part of the hit requests a fault holds up beyond the timeout, from its first decisions."""
    if isinstance(fault, CalleeFault):
        return 1.0 if fault.hangs else 0.0
    if not isinstance(fault, RequestFault):
        return 0.0
    chosen = seed if fault.seed is None else fault.seed
    held_up = 0
    for ordinal in range(_SAMPLED):
        action = fault.action(Draw(chosen, fault.id, ordinal))
        match action:
            case Swallow() | Lose(instead=Swallow()):
                held_up += 1
            case Delay():
                held_up += action.ns > timeout_ns
            case Admit():
                held_up += action.service_ns > timeout_ns  # the least for anyone; how long a queue gets nobody knows
            case _:
                pass  # it answers, or ends, or goes on at a pace: how long that takes depends on the answer
    return held_up / _SAMPLED


def timeout_bound_power(spec: TimeoutBound, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether enough attempts are held up."""
    policy = facts.policy(spec.edge)
    if policy is None or policy.timeout is None:
        return []
    estimates = []
    for fault in _faults(spec, facts):
        if isinstance(fault, (RequestFault, CalleeFault)):
            share = fault.part_hit if isinstance(fault, RequestFault) else 1.0
            chance = share * _part_held_up(fault, facts.scenario.seed, policy.timeout)
            if chance:
                arrivals = {fault.phase: planned(plan, fault.phase)}
                claim = f"every attempt on {spec.edge} ends within its timeout of {wording.time(policy.timeout)}"
                id_ = result_id("A10", spec.edge, fault.phase)
                most = most_failing(facts, plan, fault)
                estimates.append(
                    cases_estimate(id_, claim, arrivals, facts, min_n=spec.min_n, chance=chance, most=most)
                )
    return estimates


TIMEOUT_BOUND = Check(
    id="A10",
    subject=lambda spec: spec.edge,
    judge=judge_timeout_bound,
    needs=timeout_bound_needs,
    power=timeout_bound_power,
)
