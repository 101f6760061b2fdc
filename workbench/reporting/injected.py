"""What was done to the system: each fault in words, when it was verified on and off, and how much it hit.

A fault that never came on, or was lost, is told as such: it must not read like one that was injected.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workbench.checks import wording
from workbench.checks.packet_fault import counts_of as packets_of
from workbench.checks.packet_fault import hits_in_words as packets_in_words
from workbench.checks.process_fault import callers_of
from workbench.checks.resource_fault import counts_of, hits_in_words, is_made_in_front
from workbench.checks.stretches import undone
from workbench.checks.surge import arrived
from workbench.model.events import FaultLost, FaultOff, FaultSkipped
from workbench.model.faults.base import EdgeFault, LoadFault, PacketFault, RequestFault, ServiceFault
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.history import FaultWindow, History
from workbench.reporting import figures

_HITS = """
SELECT count(*) FILTER (list_contains(string_split(faults, ' '), ?)),
       count(*) FILTER (decisions LIKE ? OR decisions LIKE ?),
       count(*)
FROM attempts
WHERE edge = ? AND NOT canary AND accepted >= ? AND accepted < ?
"""

_REFUSED = """
SELECT count(*) FROM spans
WHERE edge = ? AND attempt IS NOT NULL AND outcome = 'connect_refused' AND started >= ? AND started < ?
"""


class State(StrEnum):
    """What became of a fault."""

    DONE = "done"
    NEVER_ON = "never on"
    SKIPPED = "skipped"
    LOST = "lost"
    OPEN = "not verified off"


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault of the scenario, and what became of it."""

    id: str
    kind: str
    target: str
    does: str
    state: State
    when: str
    hits: str
    on_ns: int | None
    off_ns: int | None

    @property
    def was_on(self) -> bool:
        return self.on_ns is not None


def what_was_done(history: History) -> list[Injected]:
    """Return every fault of the scenario."""
    return [_injected(window, history) for window in history.fault_windows()]


def _injected(window: FaultWindow, history: History) -> Injected:
    fault = window.fault
    state, when = _became(window, history)
    return Injected(
        id=fault.id,
        kind=fault.kind,
        target=fault.target,
        does=fault.describe(),
        state=state,
        when=when,
        hits=_hits(window, history),
        on_ns=window.on_ns,
        off_ns=window.off_ns,
    )


def _became(window: FaultWindow, history: History) -> tuple[State, str]:
    id_ = window.fault.id
    skipped = next((e.reason for e in history.events(FaultSkipped) if e.fault == id_), None)
    if skipped is not None:
        return State.SKIPPED, f"not injected: {skipped}"
    if window.on_ns is None:
        asked = window.requested_ns is not None
        return State.NEVER_ON, "asked for, never verified on" if asked else "never injected"
    on = figures.moment(window.on_ns)
    lost = next((e for e in history.events(FaultLost) if e.fault == id_), None)
    if lost is not None:
        return State.LOST, f"verified on at {on}, ended by itself at {figures.moment(lost.at_ns)}: {lost.reason}"
    if window.off_ns is None:
        return State.OPEN, f"verified on at {on}, never verified off"
    lasted = figures.length(window.off_ns - window.on_ns)
    return State.DONE, f"verified on at {on}, verified off at {figures.moment(window.off_ns)} ({lasted})"


def _hits(window: FaultWindow, history: History) -> str:
    if window.requested_ns is None:
        return "hit nothing: it was never asked for"
    until = history.load_end_ns() if window.off_ns is None else window.off_ns
    match window.fault:
        case RequestFault() as fault:
            said = _requests(fault, history, window.requested_ns, until)
        case PacketFault() as fault:
            counted = packets_of(fault, history)
            said = f"how many packets {fault.befalls} is not known"
            if counted is not None:
                said = packets_in_words(fault, *counted)
        case EdgeFault() as fault:
            said = _refused(fault, history, window.requested_ns, until)
        case ServiceFault() as fault:
            said = callers_of(fault, history, window.requested_ns, undone(history, window)).text()
        case ResourceFault() as fault:
            by_whom = "made by Toxiproxy, " if is_made_in_front(fault, history) else ""
            said = by_whom + hits_in_words(fault, counts_of(fault, history))
        case LoadFault() as fault:
            said = _extra_users(fault, history)
        case _:
            said = "not counted by the plane"
    return said


def _requests(fault: RequestFault, history: History, from_ns: int, to_ns: int) -> str:
    pattern = f"{fault.id}="
    hit, eligible, seen = history.row(_HITS, fault.id, f"{pattern}%", f"% {pattern}%", fault.edge, from_ns, to_ns)
    counted = next((e.counts for e in history.events(FaultOff) if e.fault == fault.id), {})
    eligible = counted["eligible"] if "eligible" in counted else eligible
    if not seen and not counted:
        return "no request was seen on the edge"
    hit = counted["hit"] if "hit" in counted else hit
    if not history.run.fault_plane.records_attempts:
        return f"hit {wording.count(hit, 'attempt')}: all that the caller made meanwhile, by its own spans"
    return f"hit {figures.thousands(hit)} of {wording.count(eligible, 'eligible request')}"


def _refused(fault: EdgeFault, history: History, from_ns: int, to_ns: int) -> str:
    (refused,) = history.row(_REFUSED, fault.edge, from_ns, to_ns)
    if not refused and fault.edge.split(":")[0] not in history.run.traced:
        return "the caller sends no spans, so refused connections are not counted"
    return f"{wording.count(refused, 'connection')} refused, as the caller saw it"


def _extra_users(fault: LoadFault, history: History) -> str:
    came = arrived(fault, history)
    return f"{wording.count(came.journeys, 'journey')} in that time, where {came.usual:.0f} are usual"
