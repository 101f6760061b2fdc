"""A16 for an SLO that Prometheus counts: what a phase added to two counters, read from stored answers to its PromQL.

A counter is known once a second, so the first second of a phase is left out rather than shared with the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.checks.deciding import share_at_least
from workbench.model.detection import SLO_GOOD, SLO_TOTAL
from workbench.model.history import History
from workbench.model.slo import Slo
from workbench.model.units import NS_PER_S
from workbench.model.verdict import CheckResult, Limit, Outcome, Value, Window

STEP_NS = NS_PER_S
_LONGEST_GAP_NS = 3 * NS_PER_S

_COUNTER = """
SELECT time, value FROM prometheus
WHERE name = ? AND labels ->> 'slo' = ? AND time >= ? AND time <= ? ORDER BY time
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a counter grew by, or why that is not known."""

    added: float
    problem: str | None = None


def growth(history: History, name: str, slo: str, window: Window) -> Growth:
    """Return what a stored counter grew by in a window."""
    start_ns, end_ns = window.start_ns + STEP_NS, window.end_ns
    rows = history.rows(_COUNTER, name, slo, start_ns, end_ns)
    if not rows:
        return Growth(0, "Prometheus has no answer for it")
    edges = [start_ns, *(time for time, _ in rows), end_ns]
    if max(later - earlier for earlier, later in pairwise(edges)) > _LONGEST_GAP_NS:
        return Growth(0, "Prometheus has no answer for it for more than 3 s")
    values = [value for _, value in rows]
    if any(not later >= earlier for earlier, later in pairwise(values)):
        return Growth(0, "it did not only grow: a service that it counts was restarted, or could not be scraped")
    return Growth(values[-1] - values[0])


def judge_counters(claim: Claim, slo: Slo, target: float, history: History) -> CheckResult:
    """Judge an SLO over the one window of a claim."""
    window = claim.windows[0]
    good, total = (growth(history, name, slo.name, window) for name in (SLO_GOOD, SLO_TOTAL))
    for name, seen in (("good", good), ("total", total)):
        if seen.problem is not None:
            return claim.undecided(f"`{name}` of {slo.name} is not known in {window.phase}: {seen.problem}")
    counted, events = round(good.added), round(total.added)
    if events == 0:
        return claim.undecided(f"nothing was counted in {window.phase}", n=0, needed_n=1)
    if counted > events:
        return claim.undecided(f"{counted} were good of {events}: `good` has to be a part of `total`")
    decision = share_at_least(counted, events, target)
    interval = wording.shares(decision.interval) if decision.interval else "no interval"
    reason = (
        f"Prometheus counted {counted} good of {wording.count(events, 'event')} in {window.phase}:"
        f" {wording.share(counted / events)} ({interval}) where at least {wording.share(target)} is wanted"
    )
    if decision.outcome is Outcome.INCONCLUSIVE and decision.needed_n is not None:
        reason += f"; {wording.count(decision.needed_n, 'event')} would decide"
    return claim.decided(
        decision,
        reason,
        observed=Value(number=counted / events, unit="ratio"),
        limit=Limit(comparison="at_least", number=target, unit="ratio"),
        n=events,
    )
