"""The abort guard's word as a result: users suffered beyond what the experiment is worth, so the run was ended.

There is a result only where the guard fired; that it did not proves nothing.
"""

from __future__ import annotations

from workbench.checks.check import Claim, result_id
from workbench.checks.deciding import share_at_least
from workbench.model.events import GuardFired
from workbench.model.history import History
from workbench.model.verdict import CheckClass, CheckResult, Evidence, Limit, Outcome, Value


def judge_guard(history: History) -> list[CheckResult]:
    """Return a FAIL for every SLO that made the guard end the run."""
    return [_fired(event, history) for event in history.events(GuardFired) if event.action == "abort"]


def _fired(event: GuardFired, history: History) -> CheckResult:
    rules = [rule for rule in history.run.scenario.abort_when if rule.slo == event.slo]
    bound = max((float(rule.below) for rule in rules), default=None)
    claim = Claim(
        id=result_id("G1", event.slo),
        check="G1",
        kind="abort_when",
        text=f"{event.slo} never stays below its bound",
        check_class=CheckClass.PROPORTION,
    )
    return claim.result(
        Outcome.FAIL,
        f"the run was ended: {event.reason}",
        observed=Value(number=event.good / event.total, unit="ratio")
        if event.total
        else Value(number=event.total, unit="count"),
        limit=None if bound is None else Limit(comparison="at_least", number=bound, unit="ratio"),
        n=event.total,
        evidence=[Evidence(kind="event", ref=event.event, text=event.reason)],
    )


def wholly_below(good: int, total: int, target: float) -> bool:
    """Tell whether a share lies wholly below a target: what the guard asks of the samples so far."""
    return total > 0 and share_at_least(good, total, target).outcome is Outcome.FAIL
