"""The time axis that all charts share: how it is cut into slots, its phases, and when faults were really on.

Everything is counted per slot in the database, so a run of any size gives at most `most` points a series.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.events import FaultLost
from workbench.model.history import History
from workbench.model.scenario import Role
from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis

_NEIGHBOUR_S = 0.5


@dataclass(frozen=True, slots=True)
class Band:
    """A phase on the axis, in seconds."""

    name: str
    role: Role
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class FaultBand:
    """A fault on the axis, in seconds. Between asked and on, and between undoing and off, nobody knows."""

    id: str
    target: str
    asked_s: float
    on_s: float
    undo_s: float
    off_s: float
    ended: str
    """Whether its end was verified, in a word or two."""


def axis(history: History, most: int) -> Axis | None:
    """Return the axis of a run; None if no load was ever on."""
    start, end = history.load_start_ns(), history.load_end_ns()
    start = min([start, *(phase.start_ns for phase in history.phases())])
    end = max([end, *(phase.end_ns for phase in history.phases())])
    if end - start < NS_PER_S or not history.phases():
        return None
    return Axis.cut(start, end, most)


def bands(history: History) -> list[Band]:
    """Return the phases that were begun."""
    return [Band(p.name, p.role, p.start_ns / NS_PER_S, p.end_ns / NS_PER_S) for p in history.phases()]


def fault_bands(history: History, axis: Axis) -> list[FaultBand]:
    """Return the faults that were verified on. One that was lost ends there, one that never went off at the end."""
    lost = {event.fault: event.at_ns for event in history.events(FaultLost)}
    found = []
    for window in history.fault_windows():
        if window.on_ns is None:
            continue
        id_ = window.fault.id
        asked = window.on_ns if window.requested_ns is None else window.requested_ns
        if id_ in lost:
            undo, off, ended = lost[id_], lost[id_], "then lost"
        elif window.off_ns is None:
            undo, off, ended = axis.end_ns, axis.end_ns, "never verified off"
        else:
            undo = window.off_ns if window.undo_requested_ns is None else window.undo_requested_ns
            off, ended = window.off_ns, "verified"
        asked_s, on_s, undo_s, off_s = (ns / NS_PER_S for ns in (asked, window.on_ns, undo, off))
        found.append(FaultBand(id_, window.fault.target, asked_s, on_s, undo_s, off_s, ended))
    return found


def starved(history: History, axis: Axis) -> list[tuple[float, float]]:
    """Return when a process of the run had to wait long for a core, in seconds; neighbours are one stretch."""
    found: list[tuple[float, float]] = []
    rows = history.rows("SELECT from_ns, to_ns FROM starved WHERE to_ns > ? ORDER BY from_ns", axis.start_ns)
    for start, end in ((max(a, axis.start_ns) / NS_PER_S, min(b, axis.end_ns) / NS_PER_S) for a, b in rows):
        if found and start <= found[-1][1] + _NEIGHBOUR_S:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found
