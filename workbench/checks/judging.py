"""All checks of a finished run, and the verdict. Nothing is left out because something else went wrong.

A check that crashes is INCONCLUSIVE: here is one of the two places where every exception is caught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from workbench.checks.asked import asked
from workbench.checks.check import Claim
from workbench.checks.clean import judge_clean
from workbench.checks.fault_effective import judge_fault_effective
from workbench.checks.guard import judge_guard
from workbench.checks.telemetry import judge_telemetry
from workbench.checks.validity import (
    judge_arrivals,
    judge_fair_start,
    judge_lag,
    judge_saturation,
    judge_services,
)
from workbench.checks.verdict import verdict_of
from workbench.model.history import History
from workbench.model.verdict import CheckClass, CheckResult, Outcome, ProbeError, Verdict

ALWAYS: Mapping[str, tuple[str, Callable[[History], list[CheckResult]]]] = {
    "V1": ("validity", judge_arrivals),
    "V2": ("validity", judge_lag),
    "V3": ("validity", judge_saturation),
    "V4": ("validity", judge_telemetry),
    "V5": ("validity", judge_services),
    "V6": ("validity", judge_fair_start),
    "A2": ("fault_effective", judge_fault_effective),
}
"""Asked of every run: was it a fair experiment?"""


def judge(history: History, changed_limits: Mapping[str, str] | None = None) -> Verdict:
    """Judge a run: every check, then the verdict. `changed_limits` is what was judged with other limits, if any."""
    return verdict_of(history, results(history), changed_limits or {})


def results(history: History) -> list[CheckResult]:
    """Return the results of all checks, in the order a reader wants: validity, guard, claims, clean."""
    found: list[CheckResult] = []
    for id_, (kind, check) in ALWAYS.items():
        found += _caught(Claim(id_, id_, kind, "it was a fair experiment", CheckClass.VALIDITY), check, history)
    guard = Claim("G1", "G1", "abort_when", "the guard did not end the run", CheckClass.PROPORTION)
    found += _caught(guard, judge_guard, history)
    for spec in asked(history.run.scenario):
        frame = spec.frame()
        nothing = frame.undecided("there was nothing in the run to ask it of: no fault of this phase touches it")
        found += _caught(frame, spec.judge, history) or [nothing]
    clean = Claim("A24", "A24", "clean", "the run left nothing behind", CheckClass.UNIVERSAL)
    found += _caught(clean, judge_clean, history)
    return list(_with_unique_ids(found))


def _caught(frame: Claim, check: Callable[[History], list[CheckResult]], history: History) -> list[CheckResult]:
    try:
        return check(history)
    except Exception as error:  # noqa: BLE001 - one broken check must not take the others with it
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return [frame.result(Outcome.INCONCLUSIVE, reason, observed=ProbeError(reason=reason))]


def _with_unique_ids(found: Sequence[CheckResult]) -> Iterator[CheckResult]:
    """Number results whose ids are equal, such as those of an expectation that was written twice."""
    seen: Counter[str] = Counter()
    for result in found:
        seen[result.id] += 1
        number = seen[result.id]
        yield result if number == 1 else result.model_copy(update={"id": f"{result.id}#{number}"})
