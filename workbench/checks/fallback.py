"""A12: who cannot be served in full gets a valid degraded answer, and nobody does without a fault.

Four results, because they follow two rules: the share of degraded answers is a proportion; that nobody is degraded
in baseline, that nobody is again after recovery, and that the fallback leaves the failed edge alone have no
exceptions. One result with the worst of them would hide which promise was broken.
"""

from __future__ import annotations

from functools import partial

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import share_at_least, universal
from workbench.checks.estimates import PowerEstimate, share_estimate
from workbench.checks.facts import Facts, lacks_journey, lacks_phase, planned
from workbench.checks.sli import EVIDENCE, Start, judged_fairly
from workbench.checks.slo import window_of
from workbench.checks.stretches import never_on
from workbench.model.expectations import FallbackServed
from workbench.model.faults.base import CalleeFault, FaultBase, PacketFault, RequestFault
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.units import Duration
from workbench.model.verdict import CheckClass, CheckResult, Limit, Value, Window

FEWEST = 10
"""Journeys below which "nobody was degraded" shows nothing."""

_ANSWERS = """
SELECT count(*) FILTER (outcome = 'degraded' OR (outcome <> 'ok' AND {explained})), count(*) FILTER (outcome <> 'ok'),
       (list(trace_id ORDER BY intended) FILTER (outcome NOT IN ('ok', 'degraded')))[:?]
FROM journeys
WHERE journey = ? AND phase = ? AND (NOT crossing OR ({outlasted} AND outcome NOT IN ('ok', 'degraded')))
"""

_DEGRADED = """
SELECT count(*) FILTER (outcome = 'degraded' AND NOT {explained}), count(*),
       (list(trace_id ORDER BY intended) FILTER (outcome = 'degraded'))[:?]
FROM journeys WHERE journey = ? AND intended >= ? AND intended < ? AND NOT crossing
"""

_FALLBACKS = """
WITH during AS (
  SELECT trace_id, span_id, parent_span_id, edge, attempt, fallback FROM spans WHERE started >= ? AND started < ?),
fallbacks AS (
  SELECT DISTINCT trace_id, span_id FROM during WHERE fallback IS NOT NULL),
inside AS (
  SELECT s.trace_id, s.span_id, s.edge, s.attempt FROM during s
  JOIN fallbacks f ON s.trace_id = f.trace_id AND s.parent_span_id = f.span_id),
deeper AS (
  SELECT s.trace_id, s.span_id, s.edge, s.attempt FROM during s
  JOIN inside i ON s.trace_id = i.trace_id AND s.parent_span_id = i.span_id),
deepest AS (
  SELECT s.trace_id, s.span_id, s.edge, s.attempt FROM during s
  JOIN deeper d ON s.trace_id = d.trace_id AND s.parent_span_id = d.span_id),
touched AS (
  SELECT DISTINCT trace_id, span_id FROM (
    SELECT * FROM inside UNION ALL SELECT * FROM deeper UNION ALL SELECT * FROM deepest)
  WHERE attempt IS NOT NULL AND list_contains(?, edge))
SELECT (SELECT count(*) FROM fallbacks), (SELECT count(*) FROM touched),
       (SELECT list(DISTINCT trace_id)[:?] FROM touched)
"""


def judge_fallback_served(spec: FallbackServed, history: History) -> list[CheckResult]:
    """Judge every fault phase, then baseline and recovery once."""
    results = []
    phases = list(dict.fromkeys(w.fault.phase for w in history.fault_windows() if spec.phase in (None, w.fault.phase)))
    for phase in phases:
        share = judged_fairly(history, partial(_judge_share, spec, phase, history), latency=False)
        results += [share, _judge_edge(spec, phase, history)]
    return [*results, _judge_baseline(spec, history), _judge_recovery(spec, history)]


def _claim(spec: FallbackServed, phase: str, part: str, text: str, windows: tuple[Window, ...]) -> Claim:
    rule = CheckClass.UNIVERSAL if part else CheckClass.PROPORTION
    return Claim(result_id("A12", spec.journey, phase, part), "A12", spec.kind, text, rule, windows)


def _share_text(spec: FallbackServed) -> str:
    least = wording.share(spec.at_least)
    return f"at least {least} of {spec.journey} journeys that are not served in full get a degraded answer"


def _judge_share(spec: FallbackServed, phase: str, history: History, start: Start) -> CheckResult:
    seen = history.phase(phase)
    claim = _claim(spec, phase, "", _share_text(spec), () if seen is None else (window_of(seen),))
    windows = [w for w in history.fault_windows() if w.fault.phase == phase]
    if seen is None or all(window.on_ns is None for window in windows):
        return claim.undecided(never_on(history, windows))
    answers = _ANSWERS.format(explained=start.explained, outlasted=start.outlasted)
    degraded, not_full, trace_ids = history.row(answers, EVIDENCE, spec.journey, phase)
    if not not_full:
        return claim.undecided(f"every {spec.journey} journey in {phase} was served in full: no fallback needed", n=0)
    decision = share_at_least(degraded, not_full, spec.at_least)
    interval = "" if decision.interval is None else f" ({wording.shares(decision.interval)})"
    return claim.decided(
        decision,
        f"{degraded} of {wording.count(not_full, spec.journey + ' journey')} not served in full in {phase} got a"
        f" degraded answer: {wording.share(degraded / not_full)}{interval} where at least"
        f" {wording.share(spec.at_least)} is wanted",
        observed=Value(number=degraded / not_full, unit="ratio"),
        limit=Limit(comparison="at_least", number=spec.at_least, unit="ratio"),
        n=not_full,
        evidence=traces(trace_ids or [], "neither served in full nor degraded"),
    )


def _judge_edge(spec: FallbackServed, phase: str, history: History) -> CheckResult:
    """Look for attempts on the faulted edges below a fallback's span, up to three levels down.

    A call span lies between a fallback and its attempts, and sometimes a span of the service's own.
    """
    windows = [w for w in history.fault_windows() if w.fault.phase == phase and w.on_ns is not None]
    edges = sorted({edge for window in windows for edge in history.edges_of(window.fault)})
    seen = history.phase(phase)
    text = f"the fallback leaves {wording.listed(edges)} alone"
    claim = _claim(spec, phase, "edge", text, () if seen is None else (window_of(seen),))
    untraced = [edge for edge in edges if edge.split(":", maxsplit=1)[0] not in history.run.traced]
    if seen is None or not edges:
        return claim.undecided(never_on(history, [w for w in history.fault_windows() if w.fault.phase == phase]))
    if untraced:
        return claim.not_applicable(f"the caller of {wording.listed(untraced)} sends no spans, so it cannot be asked")
    fallbacks, touched, trace_ids = history.row(_FALLBACKS, seen.start_ns, seen.end_ns, edges, EVIDENCE)
    if not fallbacks:
        return claim.not_applicable("no span has workbench.fallback, so what a fallback does cannot be asked")
    return claim.decided(
        universal(touched, fallbacks, FEWEST),
        f"{wording.count(touched, 'attempt')} on {wording.listed(edges)} came from inside"
        f" {wording.count(fallbacks, 'fallback')}",
        observed=Value(number=touched, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=fallbacks,
        evidence=traces(trace_ids or [], "the fallback called the failed edge"),
    )


def _judge_baseline(spec: FallbackServed, history: History) -> CheckResult:
    phase = next(iter(history.phases_of("baseline")), None)
    text = f"no {spec.journey} journey is degraded in baseline"
    if phase is None:
        return _claim(spec, "baseline", "none", text, ()).undecided("phase baseline was never begun")
    claim = _claim(spec, phase.name, "none", text, (window_of(phase),))
    return judged_fairly(history, partial(_judge_none, spec, claim, history), latency=False)


def _judge_recovery(spec: FallbackServed, history: History) -> CheckResult:
    phase = next(iter(history.phases_of("recovery")), None)
    text = f"no {spec.journey} journey is degraded later than {wording.time(spec.recovered_within)} after the undo"
    if phase is None:
        return _claim(spec, "recovery", "none", text, ()).undecided("the recovery phase was never begun")
    off = max((w.off_ns for w in history.fault_windows() if w.off_ns is not None), default=phase.start_ns)
    start = off + spec.recovered_within
    window = Window(phase=phase.name, start_ns=start, end_ns=max(start, phase.end_ns))
    claim = _claim(spec, phase.name, "none", text, (window,))
    return judged_fairly(history, partial(_judge_none, spec, claim, history), latency=False)


def _judge_none(spec: FallbackServed, claim: Claim, history: History, start: Start) -> CheckResult:
    window = claim.windows[0]
    degraded, journeys, trace_ids = history.row(
        _DEGRADED.format(explained=start.explained), EVIDENCE, spec.journey, window.start_ns, window.end_ns
    )
    return claim.decided(
        universal(degraded, journeys, FEWEST),
        f"{degraded} of {wording.count(journeys, spec.journey + ' journey')} in {window.phase}"
        f" from {wording.time(window.start_ns)} on were degraded",
        observed=Value(number=degraded, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=journeys,
        evidence=traces(trace_ids or [], "degraded without a fault"),
    )


def fallback_served_needs(spec: FallbackServed, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"fallback_served {spec.journey}"
    problems = lacks_journey(facts, spec.journey, what)
    problems += lacks_phase(facts, "baseline", what) + lacks_phase(facts, "recovery", what)
    if not facts.fault_phases(None, spec.phase):
        problems.append(f"{what} needs a fault{f' in phase {spec.phase}' if spec.phase else ''}; add one to `faults`")
    for name in facts.phases_of("recovery"):
        phase = facts.scenario.phase(name)
        if phase is not None and phase.duration <= spec.recovered_within:
            longer = Duration(spec.recovered_within + Duration.parse("5s"))
            problems.append(
                f"{what} looks at recovery from {spec.recovered_within} after the undo on, but phase {name} lasts"
                f" {phase.duration}; make it at least {longer}, or `recovered_within` shorter"
            )
    return problems


def fallback_served_power(spec: FallbackServed, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate the share; journeys that retries save need no fallback and do not count."""
    estimates = []
    for name in facts.fault_phases(None, spec.phase):
        faults = [f for f in facts.scenario.faults if f.phase == name]
        part = max(_not_served(fault, facts) for fault in faults)
        estimates.append(
            share_estimate(
                result_id("A12", spec.journey, name),
                _share_text(spec),
                {name: int(planned(plan, name, spec.journey) * part)},
                facts,
                target=spec.at_least,
                expected=spec.expected,
            )
        )
    return estimates


def _not_served(fault: FaultBase, facts: Facts) -> float:
    """Return which part of the journeys a fault keeps from being served in full: every attempt has to be hit."""
    phase = facts.scenario.phase(fault.phase)
    lasts = fault.schedule.on_share
    if fault.schedule.duration is not None and phase is not None:
        lasts *= fault.schedule.duration / phase.duration
    if isinstance(fault, CalleeFault) and phase is not None:
        return fault.disturbs_ns(round(lasts * phase.duration)) / phase.duration
    if isinstance(fault, PacketFault):
        return lasts * fault.part_hit
    if not isinstance(fault, RequestFault):
        return lasts
    policy = facts.policy(fault.edge)
    return lasts * fault.part_hit ** (1 if policy is None else policy.attempts)


FALLBACK_SERVED = Check(
    id="A12",
    subject=lambda spec: spec.journey,
    judge=judge_fallback_served,
    needs=fallback_served_needs,
    power=fallback_served_power,
)
