"""Tells the collector how the run stands, so that scrapers see what users felt and which faults are on.

Beside the run, in a thread of its own: only the latest state counts, and one that is not taken is nobody's failure.
"""

from __future__ import annotations

import threading

from workbench.adapters.collector_client import CollectorClient
from workbench.collector.wire import RunNow, SliCount
from workbench.engine.ports import EventSink, Tick
from workbench.errors import HarnessError
from workbench.model.events import AnyEvent, FaultLost, FaultOff, FaultOn
from workbench.model.scenario import Scenario


class RunTelling:
    """An EventSink that passes everything on to another one, and states to the collector."""

    def __init__(self, sink: EventSink, client: CollectorClient, scenario: Scenario, slos: list[str]) -> None:
        self._sink = sink
        self._client = client
        self._faults = {fault.id: fault.target for fault in scenario.faults}
        self._slis = dict.fromkeys(slos, (0, 0))
        self._on: list[str] = []
        self._changed = threading.Condition()
        self._waiting: RunNow | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._tell_all, name="run-telling", daemon=True)

    def begin(self) -> None:
        """Have every series at 0 before anything happens. Raises HarnessError."""
        self._client.put_run(self._state())
        self._thread.start()

    def end(self) -> None:
        """Tell the last state, and no more."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def event(self, event: AnyEvent) -> None:
        self._sink.event(event)
        match event:
            case FaultOn():
                self._on = [*self._on, event.fault]
            case FaultOff() | FaultLost():
                self._on = [fault for fault in self._on if fault != event.fault]
            case _:
                return
        self._tell()

    def tick(self, tick: Tick) -> None:
        self._sink.tick(tick)
        if tick.progress is not None and tick.progress.slis != self._slis:
            self._slis = dict(tick.progress.slis)
            self._tell()

    def _state(self) -> RunNow:
        counts = {name: SliCount(good=good, total=total) for name, (good, total) in self._slis.items()}
        return RunNow(slis=counts, faults=self._faults, on=self._on)

    def _tell(self) -> None:
        with self._changed:
            self._waiting = self._state()
            self._changed.notify()

    def _tell_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._ended)
                state, self._waiting = self._waiting, None
            if state is None:
                return
            try:
                self._client.put_run(state)
            except HarnessError:
                continue  # the next state says all of it; a collector that is gone is noticed elsewhere
