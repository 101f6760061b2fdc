"""After the last step, or after whatever ended the run early: load off, work settled, rows kept, all verified."""

from __future__ import annotations

from contextlib import suppress

from workbench.engine.collecting import clock_shifts
from workbench.engine.journal import Journal
from workbench.engine.ports import Recorder, Rim
from workbench.errors import HarnessError
from workbench.model.audit import Audit
from workbench.model.events import Clock, LoadStopped, Settled, Warned
from workbench.model.units import NS_PER_S

_UNFLUSHED_SPANS_S = 2.0  # exporters are told to send three times a second
_SETTLE_POLL_S = 0.5
_SPANS_POLL_S = 0.1
_SPANS_DEADLINE_S = 4.0
_STOP_BEYOND_DRAIN_S = 5.0
_HURRY_S = 1.5


class Finish:
    """The steps behind a run; each is done once, also when a signal makes us begin again.

    `hurry`: a signal came, and CI kills 7 to 10 s after its first one.
    """

    def __init__(self, rim: Rim, journal: Journal) -> None:
        self._rim = rim
        self._journal = journal
        self.hurry = False
        self._recorders = list(rim.recorders)
        """Those that still record."""
        self._load_ended = False
        self.untold: list[str] = []
        """Producers that did not say what they have written."""
        self.audits: dict[str, Audit] = {}
        """The final accounts."""
        self.rows: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self._clocks: dict[str, Clock] = {}
        self._load_clocks: tuple[Clock, Clock] | None = None

    def stop_load(self, drain_s: float, *, started: bool) -> None:
        """Stop arrivals and let journeys in flight end."""
        if self._load_ended:
            return
        asked_ns = self._journal.now()
        if not started:
            self._rim.load.kill()
            return
        done = self._rim.load.stop(_HURRY_S if self.hurry else drain_s + _STOP_BEYOND_DRAIN_S)
        self._load_ended = True
        if done is None:
            self.untold.append("load")
            self._journal.write(LoadStopped(at_ns=asked_ns, journeys=None, unfinished=None))
            self._journal.write(
                Warned(
                    at_ns=self._journal.now(),
                    message="the load did not end in time and was killed; its last rows are lost",
                )
            )
            return
        self.rows["requests"], self.dropped["requests"] = done.rows, done.dropped
        start, end = done.clock_start, done.clock_end
        self._load_clocks = (
            Clock(monotonic_ns=start[0], wall_ns=start[1]),
            Clock(monotonic_ns=end[0], wall_ns=end[1]),
        )
        self._journal.write(LoadStopped(at_ns=asked_ns, journeys=done.journeys, unfinished=done.unfinished))

    def settle(self, within_ns: int) -> None:
        """Wait until accepted work is finished, and keep the final accounts."""
        began_ns = self._rim.time.now_ns()
        audits = self._audits()
        while not self.hurry and self._pending(audits) and self._rim.time.now_ns() - began_ns < within_ns:
            self._rim.time.sleep(_SETTLE_POLL_S)
            audits = self._audits()
        self.audits = audits
        waited_ns = self._rim.time.now_ns() - began_ns
        self._journal.write(Settled(at_ns=self._journal.now(), pending=self._pending(audits), waited_ns=waited_ns))

    def stop_recording(self) -> None:
        """Wait for the last spans, then close all row files; the collector scrapes once more before it does."""
        if not self._recorders:
            return
        flushed = False
        with suppress(HarnessError):
            flushed = self._rim.services.flush_spans()
        if not flushed and not self.hurry and self._load_ended:
            self._rim.time.sleep(_UNFLUSHED_SPANS_S)
        self._await_spans()
        while self._recorders:
            self._stop_recorder(self._recorders[0])
            del self._recorders[0]  # only now: one that a signal keeps us from stopping is asked again

    def _stop_recorder(self, recorder: Recorder) -> None:
        try:
            state = recorder.stop_recording(hurry=self.hurry)
        except HarnessError as error:
            self.untold.append(recorder.name)
            self._journal.write(Warned(at_ns=self._journal.now(), message=f"{recorder.name}: {error.message}"))
            return
        self.rows.update(state.rows)
        self.dropped.update(state.dropped)
        if state.clock is not None:
            self._clocks[recorder.name] = state.clock

    def clock_shifts(self, started: dict[str, Clock]) -> dict[str, int]:
        """Return how far the clocks of each process moved apart during the run, or are apart from ours."""
        start, end = dict(started), dict(self._clocks)
        if self._load_clocks is not None:
            start["load"], end["load"] = self._load_clocks
        return clock_shifts(start, end, self._rim.time.clock())

    def _audits(self) -> dict[str, Audit]:
        try:
            return self._rim.services.audits()
        except HarnessError as error:
            self._journal.write(Warned(at_ns=self._journal.now(), message=error.message))
            return {}

    @staticmethod
    def _pending(audits: dict[str, Audit]) -> int:
        return sum(audit.pending for audit in audits.values())

    def _await_spans(self) -> None:
        """Wait until the number of spans is the same twice."""
        until = self._rim.time.now_ns() + (_HURRY_S / 3 if self.hurry else _SPANS_DEADLINE_S) * NS_PER_S
        before = -1
        while (count := self._span_count()) != before and self._rim.time.now_ns() < until:
            before = count
            self._rim.time.sleep(_SPANS_POLL_S)

    def _span_count(self) -> int:
        total = 0
        for recorder in self._rim.recorders:
            with suppress(HarnessError):
                rows = recorder.recording().rows
                total += rows["spans"] if "spans" in rows else 0
        return total
