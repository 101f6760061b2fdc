"""The first thing a reader sees: the answer in one sentence, why, and whatever makes this run special.

Says no more than the verdict does. A run that was cut short is told as what it is, before any result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workbench.checks import wording
from workbench.model.events import CleanVerified, Failed, GuardFired, InterruptedBy, ServiceDied, Warned
from workbench.model.history import History
from workbench.model.outcome import Exit
from workbench.model.verdict import CheckClass, CheckResult, Outcome, Verdict
from workbench.pages.sentences import sentence
from workbench.reporting import figures

_MOST_WARNINGS = 5


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of the verdict; `check` is the result it comes from, if it comes from one."""

    text: str
    check: CheckResult | None


@dataclass(frozen=True, slots=True)
class Banner:
    """Something a reader has to know before anything else."""

    weight: Literal["note", "warning", "bad"]
    text: str


def answer(verdict: Verdict) -> str:
    """Say whether it held, in one or two short sentences."""
    claims = [c for c in verdict.checks if _is_claim(c)]
    undecided = sum(c.outcome is Outcome.INCONCLUSIVE for c in claims)
    number = wording.count(len(claims), "claim")
    match verdict.outcome:
        case Outcome.PASS:
            return f"It held: {'the one claim' if len(claims) == 1 else f'all {number}'} passed."
        case Outcome.FAIL:
            failed = sum(c.outcome is Outcome.FAIL for c in claims)
            also = f", and {undecided} could not be decided" if undecided else ""
            return f"It did not hold: {failed} of {number} failed{also}."
        case _:
            return f"No answer: {_why_none(verdict, undecided, number)}."


def _why_none(verdict: Verdict, undecided: int, number: str) -> str:
    """Say why there is no answer; what ended the run comes before what it left undecided."""
    if verdict.exit_code == Exit.FAILED:
        return "the workbench or its environment failed"
    if verdict.exit_code in (Exit.SIGINT, Exit.SIGTERM):
        return "the run was stopped before its end"
    validity = [c for c in verdict.checks if c.check_class is CheckClass.VALIDITY]
    unfair = sum(c.outcome is Outcome.INCONCLUSIVE for c in validity)
    if unfair:
        return f"this was not a fair experiment ({wording.count(unfair, 'validity check')} undecided)"
    return f"{undecided} of {number} could not be decided" if undecided else "nothing was shown"


def tally(verdict: Verdict) -> str:
    """Count the claims by outcome: 22 passed, 1 failed."""
    claims = [c for c in verdict.checks if _is_claim(c)]
    words = {Outcome.FAIL: "failed", Outcome.INCONCLUSIVE: "undecided", Outcome.PASS: "passed"}
    counts = {word: sum(c.outcome is outcome for c in claims) for outcome, word in words.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no claims"


def _is_claim(check: CheckResult) -> bool:
    return check.check_class is not CheckClass.VALIDITY and check.outcome is not Outcome.NOT_APPLICABLE


def reasons(verdict: Verdict) -> list[Reason]:
    """Return the verdict's reasons, each with the check it names."""
    found = []
    for text in verdict.reasons:
        check = next((c for c in verdict.checks if text.startswith(f"{c.id}: ")), None)
        found.append(Reason(text if check is None else text[len(check.id) + 2 :], check))
    return found


def banners(history: History, verdict: Verdict) -> list[Banner]:
    """Return what is special about this run, the worst first."""
    order = {"bad": 0, "warning": 1, "note": 2}
    return sorted(_banners(history, verdict), key=lambda banner: order[banner.weight])


def _banners(history: History, verdict: Verdict) -> Iterator[Banner]:
    for clean in history.events(CleanVerified):
        if not clean.clean:
            yield Banner("bad", f"DIRTY: something was left behind. {_told(clean)}. `workbench heal` undoes it.")
    for signal in history.events(InterruptedBy):
        when = f", {figures.moment(signal.at_ns)} into the run" if signal.at_ns > 0 else ""
        yield Banner("bad", f"This run was stopped by {signal.signal}{when}. The report shows what there is.")
    for failure in history.events(Failed):
        yield Banner("bad", f"The run could not go on: {_told(failure)}")
    for died in history.events(ServiceDied):
        yield Banner("bad", f"At {figures.moment(died.at_ns)} {_told(died)}")
    for guard in history.events(GuardFired):
        yield Banner("bad", f"At {figures.moment(guard.at_ns)} the guard fired: {_told(guard)}")
    yield from _as_asked(history, verdict)
    for warned in history.events(Warned)[:_MOST_WARNINGS]:
        yield Banner("warning", _told(warned))
    for problem in history.problems:
        yield Banner("warning", f"Part of the run directory could not be read: {problem}")


def _as_asked(history: History, verdict: Verdict) -> Iterator[Banner]:
    """What was asked for on the command line and changes what the result means."""
    asked = history.run.reproduce
    if asked.faults_disabled:
        yield Banner("warning", "The injector was switched off (--no-faults), so no fault was injected.")
    if asked.bugs:
        yield Banner("note", f"Planted on purpose with --bug: {wording.listed(asked.bugs)}.")
    if asked.rate_override is not None:
        yield Banner("note", f"The rate was changed to {asked.rate_override} on the command line.")
    if asked.changes:
        changed = wording.listed([f"{path}={value}" for path, value in asked.changes.items()])
        yield Banner("note", f"The scenario was changed on the command line: {changed}.")
    if verdict.changed_limits:
        changed = wording.listed([f"{path}={value}" for path, value in verdict.changed_limits.items()])
        yield Banner("note", f"Judged with other limits than the scenario's: {changed}.")


def _told(event: CleanVerified | Failed | ServiceDied | GuardFired | Warned) -> str:
    return sentence(event)[0]
