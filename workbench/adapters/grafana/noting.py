"""Writes a run and its faults into Grafana as annotations, while they happen.

Beside the run, in a thread of its own: a Grafana that is slow or away holds up nothing, and its absence is said once.
Fault windows show without this, too: the collector tells them as a metric.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from workbench.adapters.grafana.server import GrafanaServer, grafana_server, tag
from workbench.engine.ports import EventSink, Tick
from workbench.errors import EnvironmentFailure, HarnessError
from workbench.model.events import AnyEvent, FaultLost, FaultOff, FaultOn, LoadStarted, LoadStopped
from workbench.model.scenario import Scenario
from workbench.model.stack import RunningStack
from workbench.model.units import NS_PER_MS

_LEFT_S = 10.0
RUN = "run"


@dataclass(slots=True)
class _Note:
    start_ms: int
    tags: Sequence[str]
    text: str
    id: int | None = None


class GrafanaNotes:
    """An EventSink that passes everything on to another one, and writes annotations of it."""

    def __init__(
        self, sink: EventSink, server: GrafanaServer, run_id: str, scenario: Scenario, say: Callable[[str], None]
    ) -> None:
        self._sink = sink
        self._server = server
        self._run = tag("run", run_id)
        self._run_id = run_id
        self._scenario = scenario
        self._say = say
        self._notes: dict[str, _Note] = {}
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._failed: HarnessError | None = None
        self._thread = threading.Thread(target=self._write_all, name="grafana-notes", daemon=True)
        self._thread.start()

    def event(self, event: AnyEvent) -> None:
        """Pass it on; where it begins or ends something, have that written with the wall time of now."""
        self._sink.event(event)
        match event:
            case LoadStarted():
                text = f"{self._scenario.title} ({self._run_id})"
                self._begin(RUN, [RUN, self._run, tag("scenario", self._scenario.name)], text)
            case LoadStopped():
                self._end(RUN, "")
            case FaultOn():
                kind = next((fault.kind for fault in self._scenario.faults if fault.id == event.fault), "")
                tags = ["fault", self._run, tag("fault", event.fault), tag("target", event.target), tag("kind", kind)]
                self._begin(f"fault {event.fault}", tags, f"{event.fault}: {kind} on {event.target}")
            case FaultOff():
                counts = ", ".join(f"{name} {count}" for name, count in event.counts.items())
                self._end(f"fault {event.fault}", f" ({counts})" if counts else "")
            case FaultLost():
                self._end(f"fault {event.fault}", f" (lost: {event.reason})")
            case _:
                pass

    def tick(self, tick: Tick) -> None:
        """Pass it on."""
        self._sink.tick(tick)

    def end(self) -> None:
        """Wait for what is still to be written, and say it if something was not."""
        self._waiting.put(None)
        self._thread.join(_LEFT_S)
        if self._failed is not None:
            self._say(f"annotations in Grafana are missing: {self._failed.message}")

    def _begin(self, what: str, tags: Sequence[str], text: str) -> None:
        note = self._notes[what] = _Note(_now_ms(), tags, text)

        def write() -> None:
            note.id = self._server.note(note.start_ms, note.tags, note.text)

        self._waiting.put(write)

    def _end(self, what: str, more: str) -> None:
        note, end_ms = self._notes.pop(what, None), _now_ms()

        def write() -> None:
            if note is not None and note.id is not None:
                self._server.end_note(note.id, note.start_ms, end_ms, note.tags, note.text + more)

        self._waiting.put(write)

    def _write_all(self) -> None:
        while (write := self._waiting.get()) is not None:
            try:
                write()
            except HarnessError as error:
                self._failed = self._failed or error


def grafana_notes(
    sink: EventSink, stack: RunningStack, *, state: Path, run_id: str, scenario: Scenario, say: Callable[[str], None]
) -> GrafanaNotes | None:
    """Return who writes annotations, if the stack has a Grafana; where its client is not installed, say so."""
    try:
        server = grafana_server(stack, state)
    except EnvironmentFailure as error:
        say(f"{error.message} ({error.hint})")
        return None
    return None if server is None else GrafanaNotes(sink, server, run_id, scenario, say)


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS
