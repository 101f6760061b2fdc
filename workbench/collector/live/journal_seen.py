"""What the journal has told so far: phases and faults on the time axis, and each event in words."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from workbench.model.events import (
    EVENT,
    AnyEvent,
    CleanVerified,
    Failed,
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
    FaultUndoRequested,
    InterruptedBy,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    ServiceDied,
)
from workbench.pages.sentences import sentence
from workbench.pages.words import shortened, tame

MOST_MOMENTS = 300
_LONGEST = 400


@dataclass(slots=True)
class PhaseSeen:
    """A phase that was begun."""

    name: str
    start_ns: int
    end_ns: int | None = None


@dataclass(slots=True)
class FaultSeen:
    """How far a fault has come. Between asked and on, and between undoing and off, nobody knows."""

    asked_ns: int | None = None
    on_ns: int | None = None
    undo_ns: int | None = None
    off_ns: int | None = None
    ended: str = ""

    @property
    def state(self) -> str:
        """Return `waiting`, `asked`, `on`, `undoing`, `off`, `lost` or `skipped`."""
        if self.ended:
            return self.ended
        if self.undo_ns is not None:
            return "undoing"
        if self.on_ns is not None:
            return "on"
        return "waiting" if self.asked_ns is None else "asked"


@dataclass(slots=True)
class JournalSeen:
    """One run's journal. Times in ns since run zero."""

    phases: list[PhaseSeen] = field(default_factory=list)
    faults: dict[str, FaultSeen] = field(default_factory=dict)
    moments: deque[tuple[float, str, str]] = field(default_factory=lambda: deque(maxlen=MOST_MOMENTS))
    """Time in s, words, weight."""
    dead: set[str] = field(default_factory=set)
    loading: bool = False
    load_stopped_ns: int | None = None
    finishing: bool = False
    """The run was interrupted, or has failed: what follows is undoing and saving."""
    clean: bool | None = None
    ended: bool = False

    def read(self, lines: Iterable[bytes]) -> bool:
        """Take lines of the journal; return whether there was anything new."""
        new = False
        for line in lines:
            try:
                event = EVENT.validate_json(line)
            except ValidationError:
                continue  # whoever judges the run says so
            new = True
            self._take(event)
            text, weight = sentence(event)
            self.moments.append((round(event.at_ns / 1e9, 1), shortened(tame(text), _LONGEST), weight))
        return new

    def _take(self, event: AnyEvent) -> None:
        match event:
            case PhaseStarted():
                self.phases.append(PhaseSeen(event.phase, event.at_ns))
            case PhaseEnded():
                for phase in self.phases:
                    if phase.name == event.phase and phase.end_ns is None:
                        phase.end_ns = event.at_ns
            case ServiceDied():
                self.dead.add(event.service)
            case InterruptedBy() | Failed():
                self.finishing = True
            case CleanVerified():
                self.clean = event.clean
            case LoadStarted() | LoadStopped() | RunEnded():
                self._take_end(event)
            case _:
                self._take_fault(event)

    def _take_end(self, event: LoadStarted | LoadStopped | RunEnded) -> None:
        """The load begins or ends, or all of it does."""
        match event:
            case LoadStarted():
                self.loading = True
            case LoadStopped():
                self.load_stopped_ns = event.at_ns
            case RunEnded():
                self.ended = True

    def _take_fault(self, event: AnyEvent) -> None:
        match event:
            case FaultRequested():
                self._fault(event.fault).asked_ns = event.at_ns
            case FaultOn():
                self._fault(event.fault).on_ns = event.at_ns
            case FaultUndoRequested():
                self._fault(event.fault).undo_ns = event.at_ns
            case FaultOff():
                self._end(event.fault, event.at_ns, "off")
            case FaultLost():
                self._end(event.fault, event.at_ns, "lost")
            case FaultSkipped():
                self._fault(event.fault).ended = "skipped"
            case _:
                pass

    def _fault(self, id_: str) -> FaultSeen:
        return self.faults.setdefault(id_, FaultSeen())

    def _end(self, id_: str, at_ns: int, how: str) -> None:
        fault = self._fault(id_)
        if fault.ended == "":
            fault.off_ns, fault.ended = at_ns, how

    @property
    def phase(self) -> PhaseSeen | None:
        """The phase that goes on, if one does."""
        return self.phases[-1] if self.phases and self.phases[-1].end_ns is None else None
