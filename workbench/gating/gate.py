"""From a verdict to the exit code that CI sees, with a line for every decision that was not plain.

A gate can let results pass that a policy names. It never turns a run that was no fair experiment, one that was
interrupted, or one that left a fault behind, into something else.
"""

from __future__ import annotations

from datetime import date

from workbench.gating.policy import GatePolicy
from workbench.model.outcome import MEANINGS, OF_OUTCOME, Exit, combined
from workbench.model.verdict import CheckClass, CheckResult, Outcome, Verdict

_VERDICTS = frozenset(OF_OUTCOME.values())


def gate(verdict: Verdict, policy: GatePolicy, today: date) -> tuple[int, list[str]]:
    """Return the exit code, and what was decided in words; the last line is the decision."""
    code = Exit(verdict.exit_code)
    if code not in _VERDICTS:
        return int(code), [f"no policy changes exit code {int(code)}: {MEANINGS[code]}"]
    kept, lines = _kept(verdict, policy, today)
    outcome = combined(kept)
    code = OF_OUTCOME[outcome]
    if outcome is not verdict.outcome:
        lines.append(f"{verdict.outcome} becomes {outcome} by what the policy accepts")
    if outcome is Outcome.INCONCLUSIVE and policy.inconclusive == "pass":
        lines.append("INCONCLUSIVE passes by policy (`inconclusive: pass`)")
        code = Exit.PASS
    lines.append(f"gate: {'passed' if code is Exit.PASS else 'failed'}, {verdict.scenario} is {outcome}")
    return int(code), lines


def _kept(verdict: Verdict, policy: GatePolicy, today: date) -> tuple[list[CheckResult], list[str]]:
    """Return the results that count, and a line for each exception that was asked for."""
    lines: list[str] = []
    accepted: set[str] = set()
    for acceptance in policy.accept:
        meant = [r for r in verdict.checks if acceptance.covers(r.id) and _counts_against(r)]
        for result in meant:
            if result.check_class is CheckClass.VALIDITY:
                lines.append(f"{result.id} cannot be accepted: without it no result of the run means anything")
            elif acceptance.until < today:
                lines.append(f"{result.id} counts again: accepted until {acceptance.until} ({acceptance.reason})")
            else:
                lines.append(f"{result.id} {result.outcome} is accepted until {acceptance.until} ({acceptance.reason})")
                accepted.add(result.id)
        if not meant:
            lines.append(f"nothing to accept for {acceptance.check}: take it out of the policy ({acceptance.reason})")
    return [result for result in verdict.checks if result.id not in accepted], lines


def _counts_against(result: CheckResult) -> bool:
    return result.outcome in {Outcome.FAIL, Outcome.INCONCLUSIVE}
