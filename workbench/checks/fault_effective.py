"""A2: every fault hit what it was meant to hit, and the callers felt it. Without this no other result means anything.

What counts are the attempts that the plane hit, not the calls: an open breaker hides a fault from the calls.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.checks import wording
from workbench.checks.check import Claim, result_id, traces
from workbench.checks.decisions import Decisions, recomputed
from workbench.checks.estimates import PowerEstimate, cases_estimate, most_failing
from workbench.checks.facts import Facts, planned
from workbench.checks.listener_fault import judge_listener_fault
from workbench.checks.packet_fault import judge_packet_fault
from workbench.checks.process_fault import judge_process_fault
from workbench.checks.resource_fault import judge_resource_fault
from workbench.checks.stretches import lost, never_on, undone
from workbench.checks.surge import extra_planned, judge_surge
from workbench.checks.validity import aborted
from workbench.model.events import FaultLost, FaultOff, FaultOn
from workbench.model.faults.base import (
    CalleeFault,
    FaultBase,
    HitAttempt,
    LoadFault,
    PacketFault,
    RequestFault,
    ServiceFault,
)
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.history import FaultWindow, History
from workbench.model.plan import Plan
from workbench.model.units import Duration
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Window

FELT = 0.8
"""Part of the hit attempts that the caller has to have felt."""

EXAMPLES = 3
"""Hit attempts named as evidence."""

# The caller's own clock says what it felt; the plane's does where the caller sends no spans.
_HITS = """
SELECT coalesce(caller_ended - caller_started, ended - started), status, end_reason, trace_id, ended > ?,
       started, ended, delay_ns
FROM edge_attempts
WHERE edge = ? AND list_contains(string_split(faults, ' '), ?)
"""


_USUAL = """
SELECT quantile_disc(a.ended - a.started, 0.95) FROM edge_attempts a
JOIN phases p ON p.role = 'baseline' AND a.started >= p.start_ns AND a.started < p.end_ns WHERE a.edge = ?
"""

_NEVER = 2**62

_OUTSIDE = """
SELECT count(*) FROM attempts
WHERE edge = ? AND NOT canary AND list_contains(string_split(faults, ' '), ?) AND (ended < ? OR accepted > ?)
"""


def judge_fault_effective(history: History) -> list[CheckResult]:
    """Judge every fault of the scenario."""
    windows = history.fault_windows()
    if not windows:
        claim = Claim("A2", "A2", "fault_effective", "every fault was felt", CheckClass.VALIDITY)
        return [claim.not_applicable("the scenario has no fault")]
    return [_judge_fault(window, history) for window in windows]


def _judge_fault(window: FaultWindow, history: History) -> CheckResult:
    fault = window.fault
    claim = Claim(
        id=result_id("A2", fault.id),
        check="A2",
        kind="fault_effective",
        text=_said(fault),
        check_class=CheckClass.VALIDITY,
        windows=()
        if window.on_ns is None
        else (Window(phase=fault.phase, start_ns=window.on_ns, end_ns=undone(history, window)),),
    )
    if window.on_ns is None:
        if aborted(history) and not history.run.reproduce.faults_disabled:
            return claim.not_applicable("the guard ended the run before the fault was on")
        return claim.undecided(never_on(history, [window]))
    ended = lost(history, window)
    if ended is not None:
        why = next(e.reason for e in history.events(FaultLost) if e.fault == fault.id)
        after = wording.time(ended - window.on_ns)
        return claim.undecided(f"the fault ended by itself, {after} after it was on: {why}")
    if isinstance(fault, RequestFault):
        result = _judge_requests(claim, fault, window, history)
    elif isinstance(fault, ServiceFault):
        result = judge_process_fault(claim, fault, window, history)
    elif isinstance(fault, ResourceFault):
        result = judge_resource_fault(claim, fault, window, history)
    elif isinstance(fault, PacketFault):
        result = judge_packet_fault(claim, fault, window, history)
    elif isinstance(fault, LoadFault):
        result = judge_surge(claim, fault, history)
    else:
        result = judge_listener_fault(claim, window, history)
    if aborted(history) and result.outcome is Outcome.INCONCLUSIVE and result.needed_n is not None:
        return claim.not_applicable(f"the guard ended the run before there was enough evidence: {result.reason}")
    return result


def _said(fault: FaultBase) -> str:
    felt = "it was met" if isinstance(fault, ResourceFault) and not fault.is_felt else "callers felt it"
    return f"{fault.target} {fault.describe()}, and {felt}"


def _judge_requests(claim: Claim, fault: RequestFault, window: FaultWindow, history: History) -> CheckResult:
    if not history.run.fault_plane.records_attempts:
        return _judge_felt(claim, fault, history)  # nobody decided: each attempt that began while it was on is hit
    decisions = recomputed(fault, history)
    counted = next((e.counts for e in history.events(FaultOff) if e.fault == fault.id), {})
    if decisions.wrong:
        return claim.undecided(
            f"{decisions.wrong} of {decisions.eligible} decisions are not those of the seed", n=decisions.eligible
        )
    if not decisions.whole:
        return claim.undecided(f"the rows of {decisions.eligible} decisions are not all there", n=decisions.eligible)
    miscounted = _not_as_counted(decisions, counted)
    if miscounted is not None:
        return claim.undecided(miscounted, n=decisions.hit)
    outside = _hit_outside(fault, window, history)
    if outside:
        reason = f"{wording.count(outside, 'attempt')} hit by it were not made while it was on: the times do not agree"
        return claim.undecided(reason, n=decisions.hit)
    return _judge_felt(claim, fault, history)


def _not_as_counted(decisions: Decisions, counted: Mapping[str, int]) -> str | None:
    """Say where the plane's own figures are not those of its rows, or are missing."""
    for name, rows in (("eligible", decisions.eligible), ("hit", decisions.hit)):
        if name not in counted:
            return f"the plane did not say how many requests it counted as {name}: some rows may be missing"
        if counted[name] != rows:
            return f"the plane counted {counted[name]} requests as {name}, its rows show {rows}"
    return None


def _hit_outside(fault: RequestFault, window: FaultWindow, history: History) -> int:
    """Count attempts that it hit before it was asked for, or after it was verified to be off."""
    off_ns = undone(history, window) if window.off_ns is None else window.off_ns
    return int(history.row(_OUTSIDE, fault.edge, fault.id, window.requested_ns, off_ns)[0])


def _judge_felt(claim: Claim, fault: RequestFault, history: History) -> CheckResult:
    policy = history.policy(fault.edge)
    timeout = None if policy is None else policy.timeout
    on_ns, undo_ns = claim.windows[0].start_ns, claim.windows[0].end_ns
    since_ns = _active_since(fault, history, on_ns)
    hits = felt = 0
    examples: list[str | None] = []
    usual = _usual_ns(history, fault.edge)
    rows = history.stream(_HITS, undo_ns, fault.edge, fault.id)
    for duration, status, end_reason, trace_id, undone_meanwhile, started, ended, delay in rows:
        added = max(duration - usual, 0) if delay is None else delay
        was_felt = fault.felt(HitAttempt(duration, status, end_reason, started - on_ns, added), timeout)
        if not was_felt and (undone_meanwhile or _went_off(fault, started - since_ns, ended - since_ns)):
            continue  # that it went off cut it short: it shows neither
        hits += 1
        felt += was_felt
        if len(examples) < EXAMPLES:
            examples.append(trace_id)
    limit = Limit(comparison="at_least", number=FELT, unit="ratio")
    if hits < fault.min_evidence:
        reason = f"the fault hit {wording.count(hits, 'attempt')}, at least {fault.min_evidence} are wanted"
        return claim.undecided(reason, n=hits, needed_n=fault.min_evidence)
    which = "exactly those its seed says" if history.run.fault_plane.records_attempts else "by the callers' spans"
    return claim.result(
        Outcome.PASS if felt >= FELT * hits else Outcome.INCONCLUSIVE,
        f"the fault hit {wording.count(hits, 'attempt')}, {which}, and the caller felt"
        f" {wording.share(felt / hits)} of them",
        observed=Value(number=felt / hits, unit="ratio"),
        limit=limit,
        n=hits,
        evidence=traces(examples, "hit by the fault"),
    )


def _active_since(fault: RequestFault, history: History, on_ns: int) -> int:
    """Return from when on the plane counts the times of a fault that flaps: as it says, or when it was verified."""
    begun = next((event.evidence for event in history.events(FaultOn) if event.fault == fault.id), {})
    since = begun.get("active_since_ns")
    return since if isinstance(since, int) else on_ns


def _went_off(fault: RequestFault, started: int, ended: int) -> bool:
    """Tell whether a fault that flaps went off during an attempt. Times from when it came on first, in ns."""
    period = fault.schedule.period
    if period is None:
        return False
    on_time = round(period * fault.schedule.duty)
    return (ended - on_time) // period > (started - on_time) // period


def _usual_ns(history: History, edge: str) -> int:
    """Return how long attempts take in baseline, all but the slowest; what is beyond it a fault has added.

    Only where no plane says what it added is that asked for: 0 elsewhere. Without a baseline nothing counts as added.
    """
    if history.run.fault_plane.records_attempts:
        return 0
    p95 = history.row(_USUAL, edge)[0]
    return _NEVER if p95 is None else int(p95)


def fault_power(facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether each fault can hit as often as its `min_evidence` asks."""
    estimates = []
    for fault in facts.scenario.faults:
        phase = facts.scenario.phase(fault.phase)
        if phase is None:
            continue
        journeys = planned(plan, fault.phase)
        if isinstance(fault, LoadFault):
            journeys = extra_planned(fault, facts.scenario)
        lasts = phase.duration - fault.schedule.start if fault.schedule.duration is None else fault.schedule.duration
        if isinstance(fault, CalleeFault):
            lasts = Duration(fault.disturbs_ns(lasts))
        share = fault.schedule.on_share
        if isinstance(fault, (RequestFault, ResourceFault, PacketFault)):
            share *= fault.part_hit
        estimates.append(
            cases_estimate(
                result_id("A2", fault.id),
                _said(fault),
                {fault.phase: journeys},
                facts,
                min_n=fault.min_evidence,
                chance=min(1.0, share * lasts / phase.duration) if fault.level != "load" else 1.0,
                most=most_failing(facts, plan, fault),
            )
        )
    return estimates
