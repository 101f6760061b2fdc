"""One verdict from all results: outcome, exit code, and the three reasons that matter most.

Outcome: an undecided validity check makes the run INCONCLUSIVE; otherwise the worst result wins.
Exit code: DIRTY before a signal, a signal before a failure of the workbench, a failure before the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.checks import wording
from workbench.checks.clean import leftovers
from workbench.errors import Interrupted
from workbench.model.events import Failed, InterruptedBy
from workbench.model.history import History
from workbench.model.outcome import MEANINGS, OF_OUTCOME, Exit, combined
from workbench.model.verdict import CheckClass, CheckResult, Outcome, Verdict

REASONS = 3

_TOLD_FIRST = ("V6", "A2", "V5", "V1", "V4", "V3", "V2")
"""Of several undecided validity checks, the one that explains the others comes first."""

_TELLING = ("slo", "breaker_opens", "fallback_served", "recovers", "retries_bounded", "no_lost_orders", "isolated")
"""Of many that passed, those that say most about resilience."""


def verdict_of(history: History, results: Sequence[CheckResult], changed_limits: Mapping[str, str]) -> Verdict:
    """Return the verdict of a run. `changed_limits` are those that `judge --set` gave."""
    scenario = history.run.scenario
    outcome = combined(results)
    exit_code = OF_OUTCOME[outcome]
    first: list[str] = []
    for failure in history.events(Failed)[:1]:
        outcome, exit_code = Outcome.INCONCLUSIVE, Exit.FAILED
        first = [failure.message]
    for signal in history.events(InterruptedBy)[:1]:
        outcome, exit_code = Outcome.INCONCLUSIVE, Exit(Interrupted(signal.signal).exit_code)
        first = [f"stopped by {signal.signal} {wording.time(max(0, signal.at_ns))} into the run"]
    left = leftovers(history)
    if left:
        exit_code = Exit.DIRTY
        first.insert(0, f"left behind: {wording.listed(left)}")
    return Verdict(
        run_id=history.run.run_id,
        scenario=scenario.name,
        title=scenario.title,
        outcome=outcome,
        exit_code=exit_code,
        meaning=MEANINGS[exit_code],
        reasons=[*first, *_reasons(outcome, results)][:REASONS],
        checks=list(results),
        changed_limits=dict(changed_limits),
    )


def _reasons(outcome: Outcome, results: Sequence[CheckResult]) -> list[str]:
    """Return reasons, most important first. Of a PASS: what held; otherwise: what did not."""
    validity = [r for r in results if r.check_class is CheckClass.VALIDITY]
    claims = [r for r in results if r.check_class is not CheckClass.VALIDITY]
    undecided = [r for r in validity if r.outcome is Outcome.INCONCLUSIVE]
    undecided.sort(key=lambda r: _TOLD_FIRST.index(r.check) if r.check in _TOLD_FIRST else len(_TOLD_FIRST))
    failed = [r for r in claims if r.outcome is Outcome.FAIL]
    open_ = [r for r in claims if r.outcome is Outcome.INCONCLUSIVE]
    if outcome is Outcome.PASS:
        passed = [r for r in claims if r.outcome is Outcome.PASS and r.kind in _TELLING]
        passed.sort(key=lambda r: _TELLING.index(r.kind))
        chosen = list({r.kind: r for r in reversed(passed)}.values())[::-1]
        chosen += [r for r in claims if r.outcome is Outcome.PASS and r not in chosen]
    else:
        chosen = [*undecided, *failed, *open_]
    return [f"{r.id}: {r.reason}" for r in chosen]
