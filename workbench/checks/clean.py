"""A24: nothing is left behind: no fault on, all processes running, no lease open.

What is left is also why a run exits as DIRTY, so the same question is asked here for both.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.model.events import CleanVerified, FaultLost, ServiceDied
from workbench.model.history import History
from workbench.model.verdict import CheckClass, CheckResult, Evidence, Limit, Outcome, Value


def judge_clean(history: History) -> list[CheckResult]:
    """Judge what was found after undoing."""
    claim = Claim("A24", "A24", "clean", "the run left nothing behind", CheckClass.UNIVERSAL)
    left = leftovers(history)
    found = history.events(CleanVerified)
    if not found and not left:
        return [claim.undecided("the run ended before anybody looked whether it is clean")]
    if found and not found[-1].clean and not any((found[-1].faults, found[-1].processes, found[-1].ledger)):
        return [claim.undecided("the run was not found clean, and nothing that was left behind is named")]
    outcome = Outcome.FAIL if left else Outcome.PASS
    return [
        claim.result(
            outcome,
            f"left behind: {wording.listed(left)}" if left else "no fault is on, processes run, no lease is open",
            observed=Value(number=len(left), unit="count"),
            limit=Limit(comparison="at_most", number=0, unit="count"),
            n=len(found),
            evidence=[Evidence(kind="event", ref="clean_verified", text=text) for text in left],
        )
    ]


def leftovers(history: History) -> list[str]:
    """Return what may still be on or still lie about, whatever else is said: what is named was there.

    A service that died unasked is V5's business, not dirt.
    """
    found = history.events(CleanVerified)
    if not found:
        return _never_undone(history)
    last = found[-1]
    died = {event.service for event in history.events(ServiceDied)}
    processes = [text for text in last.processes if text.split(":", maxsplit=1)[0] not in died]
    return [
        *(f"fault {text}" for text in last.faults),
        *(f"process {text}" for text in processes),
        *(f"lease {text}" for text in last.ledger),
    ]


def _never_undone(history: History) -> list[str]:
    """Return the faults that were asked for and never verified off: nobody looked, so they may still be on."""
    lost = {event.fault for event in history.events(FaultLost)}
    return [
        f"fault {w.fault.id} on {w.fault.target}, never verified to be off"
        for w in history.fault_windows()
        if w.requested_ns is not None and w.off_ns is None and w.fault.id not in lost
    ]
