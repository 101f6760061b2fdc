"""The append-only record of what happened, written when it happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from workbench.engine.ports import EventSink
from workbench.errors import EnvironmentFailure
from workbench.model.events import EVENT, AnyEvent


class Journal:
    """Writes each event at once, then shows it. A run without a journal is no run, so a write error ends it.

    Times count from run zero, which is set when the load begins; the few events before it are kept until then.
    """

    def __init__(self, path: Path, sink: EventSink, now_ns: Callable[[], int]) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._sink = sink
        self._now_ns = now_ns
        self._zero_ns: int | None = None
        self._early: list[AnyEvent] = []
        self._broken = False

    def now(self) -> int:
        """Return the time since run zero; absolute monotonic time as long as there is no run zero."""
        return self._now_ns() if self._zero_ns is None else self._now_ns() - self._zero_ns

    def set_zero(self, zero_ns: int) -> None:
        """Fix run zero (absolute monotonic ns) and write what happened before it."""
        self._zero_ns = zero_ns
        early, self._early = self._early, []
        self._append([event.model_copy(update={"at_ns": event.at_ns - zero_ns}) for event in early])

    def write(self, event: AnyEvent) -> None:
        """Append one event and show it. Raises EnvironmentFailure, once, if it cannot be kept."""
        try:
            if self._zero_ns is None:
                self._early.append(event)
            else:
                self._append([event])
        finally:
            self._sink.event(event)

    def show_to(self, sink: EventSink) -> None:
        """Show events to this one from now on, which passes them on to the one before."""
        self._sink = sink

    def settle(self) -> None:
        """Write what was kept back. A run that never began gets its last event as run zero."""
        if self._zero_ns is None:
            self.set_zero(max((event.at_ns for event in self._early), default=self._now_ns()))

    def close(self) -> None:
        """Write what is left, and end."""
        try:
            self.settle()
        finally:
            self._file.close()

    def _append(self, events: list[AnyEvent]) -> None:
        """Write events in one go, so that a signal comes before all of them or after."""
        if self._broken:
            return
        content = b"".join(event.model_dump_json().encode() + b"\n" for event in events)
        try:
            written = 0
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            self._broken = True
            raise EnvironmentFailure(
                f"the journal can no longer be written: {error.strerror}",
                hint="free some room, or choose another folder with --reports",
            ) from error


def read_journal(path: Path) -> tuple[list[AnyEvent], list[str]]:
    """Return the events of a journal and what could not be read. A torn last line is dropped and reported."""
    events: list[AnyEvent] = []
    problems: list[str] = []
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], [f"{path.name} is missing"]
    except OSError as error:
        return [], [f"{path.name} cannot be read: {error.strerror}"]
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            events.append(EVENT.validate_json(line))
        except ValidationError:
            torn = number == len(lines)
            problems.append(
                f"{path.name}:{number}: {'torn last line, dropped' if torn else 'unreadable line, skipped'}"
            )
    return events, problems
