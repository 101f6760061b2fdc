"""A2 for lost and reordered packets: the plane counted them, and the callers' own spans show what that cost them.

The plane's rows do not: it hears of a request that was sent again only when it has come, and an answer has left for it
when it was handed to the kernel. Whose caller sends no spans is believed by the count alone, and said so.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Claim, traces
from workbench.checks.process_fault import Callers, compared
from workbench.checks.stretches import undone
from workbench.model.events import FaultOff
from workbench.model.faults.base import PacketFault
from workbench.model.history import FaultWindow, History
from workbench.model.verdict import CheckResult, Outcome, Value

# Like attempts by spans everywhere: an exporter may send one twice.
_BY_SPANS = """
SELECT DISTINCT edge AS on_what, started AS began, ended, trace_id, span_id,
       coalesce(outcome NOT IN ('ok', 'client_error'), status = 'error') AS failed
FROM spans WHERE attempt IS NOT NULL AND list_contains(?, edge)
"""


def judge_packet_fault(claim: Claim, fault: PacketFault, window: FaultWindow, history: History) -> CheckResult:
    """Judge one fault on packets that was verified to be on."""
    counted = counts_of(fault, history)
    if counted is None:
        return claim.undecided(f"the plane did not say how many packets {fault.befalls}")
    seen, hit = counted
    said = hits_in_words(fault, seen, hit)
    if hit < fault.min_evidence:
        reason = f"{said}, at least {fault.min_evidence} are wanted"
        return claim.undecided(reason, n=hit, needed_n=fault.min_evidence)
    callers = felt_by_callers(fault, window, history)
    if callers is None:
        said += "; the caller sends no spans, so that it felt it is not shown"
        return claim.result(Outcome.PASS, said, observed=Value(number=hit / seen, unit="ratio"), n=hit)
    felt = callers.felt
    if felt < fault.min_evidence:
        reason = (
            f"{said}, and callers felt it {wording.count(felt, 'time')}, at least"
            f" {fault.min_evidence} are wanted: {callers.text()}"
        )
        return claim.undecided(reason, n=felt, needed_n=fault.min_evidence)
    return claim.result(
        Outcome.PASS,
        f"{said}; {callers.text()}",
        observed=Value(number=hit / seen, unit="ratio"),
        n=felt,
        evidence=traces(callers.seen.trace_ids, "sent while it was on"),
    )


def felt_by_callers(fault: PacketFault, window: FaultWindow, history: History) -> Callers | None:
    """Return what the caller's spans say of the time in which it was on. None: it sends none."""
    if fault.edge.partition(":")[0] not in history.run.traced:
        return None
    assert window.requested_ns is not None
    what = (f"attempt on {fault.edge}", f"attempts on {fault.edge}")
    return compared(history, _BY_SPANS, [fault.edge], what, (window.requested_ns, undone(history, window)))


def counts_of(fault: PacketFault, history: History) -> tuple[int, int] | None:
    """Return how many packets there were, and how many of them it hit, as counted when it was taken off."""
    counts = next((event.counts for event in history.events(FaultOff) if event.fault == fault.id), {})
    return (counts["packets"], counts["packets_hit"]) if {"packets", "packets_hit"} <= counts.keys() else None


def hits_in_words(fault: PacketFault, seen: int, hit: int) -> str:
    """Say what was counted."""
    return f"{hit} of {wording.count(seen, 'packet')} {fault.befalls}"
