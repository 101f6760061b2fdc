"""When a fault was really on, for checks of calls: from its verified start to the moment its undo was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.at_hand import put_at_hand
from workbench.model.events import FaultLost, FaultSkipped, GuardFired
from workbench.model.faults.base import FaultBase
from workbench.model.history import FaultWindow, History
from workbench.model.verdict import Window


@dataclass(frozen=True, slots=True)
class Stretch:
    """One phase in which an edge was disturbed. `on_ns` is None if it was not, and `why` says why."""

    edge: str
    phase: str
    faults: tuple[FaultBase, ...]
    on_ns: int | None
    undo_ns: int
    why: str = ""

    def windows(self) -> tuple[Window, ...]:
        """Return it as the windows of a result."""
        if self.on_ns is None:
            return ()
        return (Window(phase=self.phase, start_ns=self.on_ns, end_ns=self.undo_ns),)


def stretches(history: History, edge: str, phase: str | None) -> list[Stretch]:
    """Return the stretches of an edge, one for each phase with a fault there; several faults of a phase are one."""
    put_at_hand(history, edge)
    by_phase: dict[str, list[FaultWindow]] = {}
    for window in history.faults_on_edge(edge, phase):
        by_phase.setdefault(window.fault.phase, []).append(window)
    return [_stretch(history, edge, name, windows) for name, windows in by_phase.items()]


def _stretch(history: History, edge: str, phase: str, windows: list[FaultWindow]) -> Stretch:
    faults = tuple(window.fault for window in windows)
    starts = [window.on_ns for window in windows if window.on_ns is not None]
    if not starts:
        return Stretch(edge, phase, faults, None, 0, never_on(history, windows))
    ends = [undone(history, window) for window in windows if window.on_ns is not None]
    return Stretch(edge, phase, faults, min(starts), max(ends))


def undone(history: History, window: FaultWindow) -> int:
    """Return until when a fault was on: its undo, when it was found lost, or the end of the load."""
    return history.until_ns(window)


def never_on(history: History, windows: list[FaultWindow]) -> str:
    """Say why none of these faults was on."""
    names = wording.listed([window.fault.id for window in windows])
    if history.run.reproduce.faults_disabled:
        return f"the injector was switched off, so {names} was never on"
    skipped = [e.reason for e in history.events(FaultSkipped) if e.fault in {w.fault.id for w in windows}]
    if skipped:
        return f"{names} was skipped: {skipped[0]}"
    guards = [e.reason for e in history.events(GuardFired) if e.action == "skip_faults"]
    if guards:
        return f"{names} was skipped: {guards[0]}"
    if any(window.requested_ns is not None for window in windows):
        return f"{names} was asked for and never verified to be on"
    return f"the run ended before {names} was asked for"


def lost(history: History, window: FaultWindow) -> int | None:
    """Return when a fault was found to have ended by itself, if it was."""
    return next((e.at_ns for e in history.events(FaultLost) if e.fault == window.fault.id), None)
