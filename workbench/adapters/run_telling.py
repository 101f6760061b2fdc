"""Tells the collector how the run stands, so that scrapers see what users felt and which faults are on.

Beside the run, in a thread of its own: only the latest state counts, and one that is not taken is nobody's failure.
"""

from __future__ import annotations

import threading

from workbench.adapters.collector_client import CollectorClient
from workbench.collector.wire import RunNow, SliCount
from workbench.engine.ports import EventSink, Tick
from workbench.errors import HarnessError
from workbench.model.events import AnyEvent, FaultLost, FaultOff, FaultOn, PhaseEnded, PhaseStarted
from workbench.model.scenario import Scenario
from workbench.model.slo import Slo


class RunTelling:
    """An EventSink that passes everything on to another one, and states to the collector."""

    def __init__(
        self, sink: EventSink, client: CollectorClient, run_id: str, scenario: Scenario, slos: list[Slo]
    ) -> None:
        self._sink = sink
        self._client = client
        self._now = RunNow(
            run=run_id,
            scenario=scenario.name,
            phases=[phase.name for phase in scenario.phases],
            journeys=sorted(scenario.load.mix),
            slis={slo.name: SliCount(good=0, total=0) for slo in slos},
            objectives={slo.name: slo.target for slo in slos},
            faults={fault.id: fault.target for fault in scenario.faults},
        )
        self._changed = threading.Condition()
        self._waiting: RunNow | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._tell_all, name="run-telling", daemon=True)

    def begin(self) -> None:
        """Have every series at 0 before anything happens. Raises HarnessError."""
        self._client.put_run(self._now)
        self._thread.start()

    def end(self) -> None:
        """Tell the last state, and that the run has ended."""
        with self._changed:
            self._waiting = self._now.model_copy(update={"run": None, "phase": None})
            self._ended = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def event(self, event: AnyEvent) -> None:
        self._sink.event(event)
        on = self._now.on
        match event:
            case FaultOn():
                self._tell(on=[*on, event.fault])
            case FaultOff() | FaultLost():
                self._tell(on=[fault for fault in on if fault != event.fault])
            case PhaseStarted():
                self._tell(phase=event.phase)
            case PhaseEnded():
                self._tell(phase=None)
            case _:
                pass

    def tick(self, tick: Tick) -> None:
        self._sink.tick(tick)
        if tick.progress is not None and tick.progress != self._now.progress:
            slis = {name: SliCount(good=good, total=total) for name, (good, total) in tick.progress.slis.items()}
            self._tell(progress=tick.progress, slis=slis)

    def _tell(self, **changes: object) -> None:
        with self._changed:
            self._now = self._now.model_copy(update=changes)
            self._waiting = self._now
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
