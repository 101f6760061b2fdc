"""A3: no call makes more attempts than its policy says, and on average they stay below a limit.

Calls come from the callers' spans, attempts from the fault plane. What counts are calls whose first attempt came
while the fault was on; all their attempts count, also those after it. Calls that made none (an open breaker) do not
count: they would dilute the average, and they put no load on the callee.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import FEWEST_FOR_MEAN, mean_at_most, universal
from workbench.checks.estimates import PowerEstimate, cases_estimate, most_failing
from workbench.checks.facts import Facts, lacks_fault, lacks_policy, lacks_traces, planned
from workbench.checks.sli import EVIDENCE
from workbench.checks.stretches import Stretch, stretches
from workbench.model.expectations import RetriesBounded, RetryAmplification
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult, Limit, Value

UNASSIGNED = 0.01
"""Part of the attempts that may belong to no known call."""

_PER_CALL = """
SELECT count(*) FILTER (failed), count(*) FILTER (attempts > ?), max(attempts),
       (list(trace_id ORDER BY attempts DESC) FILTER (attempts > ?))[:?]
FROM (
  SELECT count(*) AS attempts, bool_or(failed) AS failed, min(started) AS began, any_value(trace_id) AS trace_id
  FROM attempts_at_hand WHERE edge = ? AND call IS NOT NULL GROUP BY call)
WHERE began >= ? AND began < ?
"""

_UNASSIGNED = """
SELECT count(*) FILTER (call IS NULL), count(*) FROM attempts_at_hand WHERE edge = ? AND started >= ? AND started < ?
"""

_HISTOGRAM = """
SELECT attempts, count(*) FROM (
  SELECT count(*) AS attempts, min(started) AS began
  FROM attempts_at_hand WHERE edge = ? AND call IS NOT NULL GROUP BY call)
WHERE began >= ? AND began < ?
GROUP BY attempts ORDER BY attempts
"""


def judge_retries_bounded(spec: RetriesBounded, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    return [_judge_bound(spec, stretch, history) for stretch in stretches(history, spec.edge, spec.phase)]


def _judge_bound(spec: RetriesBounded, stretch: Stretch, history: History) -> CheckResult:
    policy = history.policy(spec.edge)
    allowed = None if policy is None else policy.attempts
    claim = Claim(
        id=result_id("A3", spec.edge, stretch.phase),
        check="A3",
        kind=spec.kind,
        text=f"no call on {spec.edge} makes more attempts than its policy says",
        check_class=CheckClass.UNIVERSAL,
        windows=stretch.windows(),
    )
    if allowed is None:
        return claim.undecided(f"the caller does not say how many attempts a call on {spec.edge} may make")
    if stretch.on_ns is None:
        return claim.undecided(stretch.why)
    failed, beyond, most, trace_ids = history.row(
        _PER_CALL, allowed, allowed, EVIDENCE, spec.edge, stretch.on_ns, stretch.undo_ns
    )
    if not beyond:
        doubt = unassigned(history, stretch)
        if doubt is not None:
            return claim.undecided(doubt)
    if most is None:
        return claim.undecided(f"no call made an attempt on {spec.edge} while the fault was on", n=0)
    return claim.decided(
        universal(beyond, failed, spec.min_n),
        f"{wording.count(failed, 'call')} had a failing attempt; the most that one call made were"
        f" {wording.count(most, 'attempt')} of {allowed} allowed"
        + (f", and {wording.count(beyond, 'call')} made more" if beyond else ""),
        observed=Value(number=most, unit="count"),
        limit=Limit(comparison="at_most", number=allowed, unit="count"),
        n=failed,
        evidence=traces(trace_ids or [], f"more than {allowed} attempts"),
    )


def unassigned(history: History, stretch: Stretch) -> str | None:
    """Say that too many attempts belong to no known call, if so: they might be anybody's retries."""
    unknown, attempts = history.row(_UNASSIGNED, stretch.edge, stretch.on_ns, stretch.undo_ns)
    if attempts and unknown / attempts > UNASSIGNED:
        return f"{unknown} of {attempts} attempts on {stretch.edge} belong to no call that is known by a span"
    return None


def judge_retry_amplification(spec: RetryAmplification, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    return [_judge_mean(spec, stretch, history) for stretch in stretches(history, spec.edge, spec.phase)]


def _judge_mean(spec: RetryAmplification, stretch: Stretch, history: History) -> CheckResult:
    claim = Claim(
        id=result_id("A3", spec.edge, stretch.phase, "amplification"),
        check="A3",
        kind=spec.kind,
        text=f"calls on {spec.edge} that make attempts make at most {spec.at_most:g} on average",
        check_class=CheckClass.MEAN_COUNT,
        windows=stretch.windows(),
    )
    if stretch.on_ns is None:
        return claim.undecided(stretch.why)
    doubt = unassigned(history, stretch)
    if doubt is not None:
        return claim.undecided(doubt)
    counts = {int(a): int(n) for a, n in history.rows(_HISTOGRAM, spec.edge, stretch.on_ns, stretch.undo_ns)}
    calls = sum(counts.values())
    if not calls:
        return claim.undecided(
            f"no call made an attempt on {spec.edge} while the fault was on", n=0, needed_n=FEWEST_FOR_MEAN
        )
    mean = sum(attempts * n for attempts, n in counts.items()) / calls
    decision = mean_at_most(counts, spec.at_most, history.run.plan.seed)
    bounds = "" if decision.interval is None else f" ({decision.interval[0]:.3g} to {decision.interval[1]:.3g})"
    return claim.decided(
        decision,
        f"{wording.count(calls, 'call')} made {mean:.3g} attempts on average{bounds}; {spec.at_most:g} are allowed",
        observed=Value(number=mean, unit="per_call"),
        limit=Limit(comparison="at_most", number=spec.at_most, unit="per_call"),
        n=calls,
    )


def retries_bounded_needs(spec: RetriesBounded, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"retries_bounded on {spec.edge}"
    return [
        *lacks_fault(facts, spec.edge, spec.phase, what),
        *lacks_policy(facts, spec.edge, "", what),
        *lacks_traces(facts, spec.edge, what),
    ]


def retry_amplification_needs(spec: RetryAmplification, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"retry_amplification on {spec.edge}"
    return lacks_fault(facts, spec.edge, spec.phase, what) + lacks_traces(facts, spec.edge, what)


def retries_bounded_power(spec: RetriesBounded, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether enough calls can have a failing attempt."""
    claim = f"no call on {spec.edge} makes more attempts than its policy says"
    return [
        cases_estimate(
            result_id("A3", spec.edge, fault.phase),
            claim,
            {fault.phase: planned(plan, fault.phase)},
            facts,
            min_n=spec.min_n,
            most=most_failing(facts, plan, fault),
        )
        for fault in facts.scenario.faults
        if fault.touches(spec.edge) and spec.phase in (None, fault.phase)
    ]


def retry_amplification_power(spec: RetryAmplification, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether enough calls are made for a mean."""
    claim = f"calls on {spec.edge} make at most {spec.at_most:g} attempts on average"
    return [
        cases_estimate(
            result_id("A3", spec.edge, phase, "amplification"),
            claim,
            {phase: planned(plan, phase)},
            facts,
            min_n=FEWEST_FOR_MEAN,
        )
        for phase in facts.fault_phases(spec.edge, spec.phase)
    ]


RETRIES_BOUNDED = Check(
    id="A3",
    subject=lambda spec: spec.edge,
    judge=judge_retries_bounded,
    needs=retries_bounded_needs,
    power=retries_bounded_power,
)

RETRY_AMPLIFICATION = Check(
    id="A3",
    subject=lambda spec: spec.edge,
    judge=judge_retry_amplification,
    needs=retry_amplification_needs,
    power=retry_amplification_power,
)
