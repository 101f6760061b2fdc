"""How outcomes combine into one, and which exit code says so. Kept apart so that judging and gating share one rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

from workbench.model.verdict import CheckClass, CheckResult, Outcome


class Exit(IntEnum):
    """Exit codes of every command."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    INCONCLUSIVE = 3
    FAILED = 4
    DIRTY = 5
    SIGINT = 130
    SIGTERM = 143


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.PASS: "PASS: everything that was claimed held",
        Exit.FAIL: "FAIL: an SLO or an expectation is violated",
        Exit.USAGE: "wrong usage, an invalid file, or an ability that is missing",
        Exit.INCONCLUSIVE: "INCONCLUSIVE: the run does not decide it",
        Exit.FAILED: "the environment or the workbench failed; the run has no verdict",
        Exit.DIRTY: "DIRTY: a fault may still be on; `workbench heal` undoes it",
        Exit.SIGINT: "stopped by SIGINT, after undoing and saving",
        Exit.SIGTERM: "stopped by SIGTERM, SIGHUP or `workbench stop`, after undoing and saving",
    }
)
"""What each exit code means, in the words of the last line on the terminal."""

OF_OUTCOME: Mapping[Outcome, Exit] = MappingProxyType(
    {Outcome.PASS: Exit.PASS, Outcome.FAIL: Exit.FAIL, Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE}
)
"""Exit code of a verdict. NOT_APPLICABLE is none."""


def combined(results: Iterable[CheckResult]) -> Outcome:
    """Combine results: an undecided validity check first, then FAIL > INCONCLUSIVE > PASS.

    Where nothing applies nothing was shown, so that is INCONCLUSIVE. Validity checks alone show nothing, nor does it
    that the run left nothing behind.
    """
    kept = [result for result in results if result.outcome is not Outcome.NOT_APPLICABLE]
    validity = [result.outcome for result in kept if result.check_class is CheckClass.VALIDITY]
    claims = [result.outcome for result in kept if result.check_class is not CheckClass.VALIDITY]
    if any(outcome is not Outcome.PASS for outcome in validity):
        return Outcome.INCONCLUSIVE
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        if outcome in claims:
            return outcome
    shown = any(r.kind != "clean" for r in kept if r.check_class is not CheckClass.VALIDITY)
    return Outcome.PASS if shown else Outcome.INCONCLUSIVE
