"""A2 for faults below the level of requests: the plane cannot count what the kernel refuses.

Its evidence is the interval in which the socket was closed, a canary that was refused, and the callers' own
attempt spans; where the caller sends no spans, the plane's evidence stands alone and the result says so.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Claim, traces
from workbench.checks.stretches import undone
from workbench.model.events import FaultOff, FaultOn
from workbench.model.faults.base import EdgeFault
from workbench.model.history import FaultWindow, History
from workbench.model.verdict import CheckResult, Evidence, Limit, Outcome, Value

REFUSED = 0.8
"""Part of the callers' attempts that has to have been refused."""

CLOSED = 0.9
"""Part of the time between verified on and undo in which the socket has to have been closed. Of a fault that flaps:
of its share of that time."""

_CALLERS = """
SELECT count(*), count(*) FILTER (outcome = 'connect_refused'), min(trace_id) FILTER (outcome = 'connect_refused')
FROM spans
WHERE edge = ? AND attempt IS NOT NULL AND started >= ? AND started < ?
"""

_GOT_THROUGH = """
SELECT count(*) FROM attempts
WHERE edge = ? AND NOT canary AND accepted >= ? AND accepted < ? AND end_reason IN ('complete', 'altered')
"""


def judge_listener_fault(claim: Claim, window: FaultWindow, history: History) -> CheckResult:
    """Judge one fault that was on: by the plane's evidence first, then by what its callers saw."""
    fault, on_ns = window.fault, window.on_ns
    assert isinstance(fault, EdgeFault)
    assert on_ns is not None
    undo_ns = undone(history, window)
    doubt = _doubt(window, history, on_ns, undo_ns)
    if doubt is not None:
        return claim.undecided(doubt)
    flaps = fault.schedule.period is not None
    (through,) = history.row(_GOT_THROUGH, fault.edge, on_ns, undo_ns)
    if through and not flaps:
        return claim.undecided(f"{wording.count(through, 'request')} got through while the socket was to be closed")
    closed = _closed_time(fault, on_ns, undo_ns)
    canary = Evidence(kind="note", ref="canary", text="a connection made to verify the fault was refused")
    if fault.edge.split(":", maxsplit=1)[0] not in history.run.traced:
        return claim.result(
            Outcome.PASS,
            f"the plane's socket was closed for {wording.time(closed)} and refused a canary;"
            " the caller sends no spans, so that it felt it is not shown",
            observed=Value(number=closed, unit="ns"),
            evidence=[canary],
        )
    attempts, refused, trace_id = history.row(_CALLERS, fault.edge, on_ns, undo_ns)
    if refused < fault.min_evidence:
        reason = f"callers were refused {wording.count(refused, 'time')}, at least {fault.min_evidence} are wanted"
        return claim.undecided(reason, n=refused, needed_n=fault.min_evidence)
    share = refused / attempts
    if flaps:  # how callers' attempts fall on its times depends on what they do when they are refused
        return claim.result(
            Outcome.PASS,
            f"the plane's socket was closed again and again and refused a canary; callers were refused"
            f" {refused} of {attempts} times",
            observed=Value(number=share, unit="ratio"),
            n=refused,
            evidence=[canary, *traces([trace_id], "connection refused")],
        )
    return claim.result(
        Outcome.PASS if share >= REFUSED else Outcome.INCONCLUSIVE,
        f"the plane's socket was closed and refused a canary; {refused} of {attempts} attempts of callers were refused",
        observed=Value(number=share, unit="ratio"),
        limit=Limit(comparison="at_least", number=REFUSED, unit="ratio"),
        n=refused,
        evidence=[canary, *traces([trace_id], "connection refused")],
    )


def _closed_time(fault: EdgeFault, on_ns: int, undo_ns: int) -> int:
    """Return how long the socket is closed in all, in ns: one that flaps begins with being closed."""
    schedule, lasted = fault.schedule, undo_ns - on_ns
    if schedule.period is None:
        return lasted
    closed = round(schedule.period * schedule.duty)
    periods, rest = divmod(lasted, schedule.period)
    return int(periods * closed + min(rest, closed))


def _doubt(window: FaultWindow, history: History, on_ns: int, undo_ns: int) -> str | None:
    """Return what the plane's own evidence lacks: a refused canary, or the length of time it was closed."""
    declared, fault = window.fault, window.fault.id
    assert isinstance(declared, EdgeFault)
    begun = next((event.evidence for event in history.events(FaultOn) if event.fault == fault), {})
    if begun.get("canary") != "refused":
        return f"no canary was refused while {fault} was on"
    ended = next((event.evidence for event in history.events(FaultOff) if event.fault == fault), {})
    closed = ended.get("closed_ns")
    if not isinstance(closed, int):
        return f"the plane does not say how long it was closed for {fault}"
    expected = _closed_time(declared, on_ns, undo_ns)
    if closed < CLOSED * expected:
        return f"the plane was closed for {wording.time(closed)} and {fault} was on for {wording.time(expected)}"
    return None
