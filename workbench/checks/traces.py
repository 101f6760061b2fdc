"""A23: a trace that failed on an edge says so: its deepest error is there, and its retries are numbered in one trace.

"Deepest" is the error span farthest from the root. It explains the failure if it is an attempt on the faulted edge,
or lies below one. Which traces failed is told by who saw the attempts: the fault plane, where it keeps a record.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id, traces
from workbench.checks.deciding import share_at_least
from workbench.checks.estimates import PowerEstimate, most_failing, share_estimate
from workbench.checks.facts import Facts, lacks_fault, lacks_traces, planned
from workbench.checks.sli import EVIDENCE
from workbench.checks.slo import window_of
from workbench.model.expectations import TracesExplain
from workbench.model.history import History, PhaseWindow
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult, Limit, Value

_FAILED = """
CREATE OR REPLACE TABLE failed_traces AS
SELECT DISTINCT trace_id FROM edge_attempts
WHERE edge = ? AND hit AND failed AND trace_id IS NOT NULL AND started >= ? AND started < ?
"""

# `below`: an attempt on the edge, or a span below one. A depth of 100 is a circle of parents.
_EXPLAINED = """
WITH RECURSIVE
all_of_them AS (SELECT DISTINCT ON (trace_id, span_id) s.* FROM spans s JOIN failed_traces USING (trace_id)),
tree AS (
  SELECT trace_id, span_id, status, 0 AS depth, (edge = $edge AND attempt IS NOT NULL) IS TRUE AS below
  FROM all_of_them c
  WHERE NOT EXISTS (SELECT 1 FROM all_of_them p WHERE p.trace_id = c.trace_id AND p.span_id = c.parent_span_id)
  UNION ALL
  SELECT c.trace_id, c.span_id, c.status, t.depth + 1,
         t.below OR (c.edge = $edge AND c.attempt IS NOT NULL) IS TRUE
  FROM tree t JOIN all_of_them c ON c.trace_id = t.trace_id AND c.parent_span_id = t.span_id
  WHERE t.depth < 100),
deepest AS (
  SELECT trace_id, max(depth) AS depth, max(depth) FILTER (below) AS depth_below
  FROM tree WHERE status = 'error' GROUP BY trace_id),
numbered AS (
  SELECT trace_id, bool_and(highest = numbers) AS numbered FROM (
    SELECT trace_id, call_id, max(attempt) AS highest, count(DISTINCT attempt) AS numbers
    FROM all_of_them WHERE edge = $edge AND attempt IS NOT NULL AND call_id IS NOT NULL GROUP BY trace_id, call_id)
  GROUP BY trace_id),
torn AS (
  SELECT DISTINCT unnest(list(DISTINCT trace_id)) AS trace_id FROM spans
  WHERE edge = $edge AND attempt IS NOT NULL AND call_id IS NOT NULL
  GROUP BY call_id HAVING count(DISTINCT trace_id) > 1)
SELECT f.trace_id,
       coalesce(d.depth_below = d.depth, FALSE) AS says_where,
       coalesce(n.numbered, FALSE) AS numbered,
       t.trace_id IS NULL AS whole
FROM failed_traces f
LEFT JOIN deepest d USING (trace_id) LEFT JOIN numbered n USING (trace_id) LEFT JOIN torn t USING (trace_id)
ORDER BY f.trace_id
"""


def judge_traces_explain(spec: TracesExplain, history: History) -> list[CheckResult]:
    """Judge every phase with a fault on the edge."""
    names = dict.fromkeys(w.fault.phase for w in history.faults_on_edge(spec.edge, spec.phase))
    if not names:
        claim = _claim(spec, "fault", None)
        return [claim.undecided(f"there was no fault on {spec.edge}")]
    return [_judge_phase(spec, name, history.phase(name), history) for name in names]


def _claim(spec: TracesExplain, phase: str, window: PhaseWindow | None) -> Claim:
    text = f"at least {wording.share(spec.at_least)} of the traces that fail on {spec.edge} say so"
    windows = () if window is None else (window_of(window),)
    return Claim(result_id("A23", spec.edge, phase), "A23", "traces_explain", text, CheckClass.PROPORTION, windows)


def _judge_phase(spec: TracesExplain, name: str, window: PhaseWindow | None, history: History) -> CheckResult:
    claim = _claim(spec, name, window)
    if window is None:
        return claim.undecided(f"phase {name} was never begun")
    history.connection.execute(_FAILED, [spec.edge, window.start_ns, window.end_ns])
    rows = history.connection.execute(_EXPLAINED, {"edge": spec.edge}).fetchall()
    if not rows:
        return claim.undecided(f"no attempt on {spec.edge} that was hit failed in {name}", n=0, needed_n=1)
    wrong = {
        "whose deepest error is elsewhere": [trace for trace, where, _, _ in rows if not where],
        "whose attempts are not numbered from 1 on": [trace for trace, _, numbered, _ in rows if not numbered],
        "with a call that another trace has attempts of": [trace for trace, _, _, whole in rows if not whole],
    }
    bad = {trace for ids in wrong.values() for trace in ids}
    good, total = len(rows) - len(bad), len(rows)
    decision = share_at_least(good, total, spec.at_least)
    assert decision.interval is not None
    lacking = "; ".join(f"{len(ids)} {what}" for what, ids in wrong.items() if ids)
    return claim.decided(
        decision,
        f"{good} of {wording.count(total, 'trace')} that failed on {spec.edge} explain it:"
        f" {wording.share(good / total)} ({wording.shares(decision.interval)}) where at least"
        f" {wording.share(spec.at_least)} is wanted" + (f"; {lacking}" if lacking else ""),
        observed=Value(number=good / total, unit="ratio"),
        limit=Limit(comparison="at_least", number=spec.at_least, unit="ratio"),
        n=total,
        evidence=[one for what, ids in wrong.items() for one in traces(ids[:EVIDENCE], what)],
    )


def traces_explain_needs(spec: TracesExplain, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    what = f"traces_explain {spec.edge}"
    return lacks_fault(facts, spec.edge, spec.phase, what) + lacks_traces(facts, spec.edge, what)


def traces_explain_power(spec: TracesExplain, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate from one failing trace for each journey, or as many as a breaker lets through."""
    estimates = []
    for name in facts.fault_phases(spec.edge, spec.phase):
        most = [most_failing(facts, plan, f) for f in facts.scenario.faults if f.phase == name and f.touches(spec.edge)]
        arrivals = planned(plan, name)
        samples = arrivals if None in most else min(arrivals, sum(number for number in most if number is not None))
        estimates.append(
            share_estimate(
                result_id("A23", spec.edge, name),
                _claim(spec, name, None).text,
                {name: samples},
                facts,
                target=spec.at_least,
                expected=spec.expected,
            )
        )
    return estimates


TRACES_EXPLAIN = Check(
    id="A23",
    subject=lambda spec: spec.edge,
    judge=judge_traces_explain,
    needs=traces_explain_needs,
    power=traces_explain_power,
)
