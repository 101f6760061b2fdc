"""Load, recorders and services in memory, and a sink that keeps what it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fakes.calls import Calls
from tests.fakes.plane import FakePlane
from workbench.engine.ports import Death, RecordingState, Tick, TimeSource
from workbench.errors import HarnessError
from workbench.model.audit import Audit
from workbench.model.events import AnyEvent
from workbench.model.loadjob import Done, LoadJob, Probed, Progress
from workbench.model.units import NS_PER_S

SLIS = Callable[[float], dict[str, tuple[int, int]]]
"""Seconds since run zero -> SLO name to (good, total)."""


class FakeLoad:
    """Tells its progress twice a second. `slis` says what users get; `dead` ends it unasked."""

    def __init__(self, calls: Calls, time: TimeSource) -> None:
        self._calls = calls
        self._time = time
        self.running = False
        self.zero_ns: int | None = None
        self.dead = False
        self.stubborn = False
        self.rows_error: str | None = None
        self.probe_journeys = 4
        self.stopped_within_s: list[float] = []
        self.slis: SLIS = lambda _: {}
        self._said: Progress | None = None
        self.started_with: tuple[LoadJob, Path] | None = None

    def start(self, job: LoadJob, job_file: Path) -> int:
        with self._calls.passing("load.start"):
            self.started_with = (job, job_file)
            self.running = True
            return 4_242

    def wait_warm(self, deadline_s: float) -> None:
        with self._calls.passing("load.wait_warm"):
            self._wait(deadline_s)

    def wait_probed(self, deadline_s: float) -> Probed:
        with self._calls.passing("load.wait_probed"):
            self._wait(deadline_s)
            return Probed(journeys=self.probe_journeys, failed=0, first_error=None)

    def wait_ready(self, deadline_s: float) -> None:
        with self._calls.passing("load.wait_ready"):
            self._wait(deadline_s)

    def begin(self, start_ns: int) -> None:
        with self._calls.passing("load.begin"):
            self._alive()
            self.zero_ns = start_ns

    def progress(self) -> Progress | None:
        with self._calls.passing("load.progress"):
            self._alive()
            if self.zero_ns is None or self._time.now_ns() < self.zero_ns:
                return None
            at_ns = (self._time.now_ns() - self.zero_ns) // (NS_PER_S // 2) * (NS_PER_S // 2)
            if self._said is None or self._said.at_ns != at_ns or self._said.rows_error != self.rows_error:
                self._said = progress(at_ns, self.slis(at_ns / NS_PER_S), self.rows_error)
            return self._said

    def stop(self, deadline_s: float) -> Done | None:
        with self._calls.passing("load.stop"):
            self.stopped_within_s.append(deadline_s)
            self.running = False
            if self.stubborn or self.dead:
                return None
            now = self._time.clock()
            start = (now.monotonic_ns, now.wall_ns)
            end = (now.monotonic_ns + 10, now.wall_ns + 13)
            return Done(journeys=40, unfinished=1, rows=90, dropped=2, clock_start=start, clock_end=end)

    def kill(self) -> None:
        with self._calls.passing("load.kill"):
            self.running = False

    def _wait(self, deadline_s: float) -> None:
        if deadline_s <= 0:
            raise HarnessError("the load child is still making its users")
        self._alive()

    def _alive(self) -> None:
        if self.dead:
            self.running = False
            raise HarnessError("the load child ended with status 1 while sending load")


def progress(at_ns: int, slis: dict[str, tuple[int, int]], rows_error: str | None = None) -> Progress:
    """Return what a load child says at one moment."""
    return Progress(
        at_ns=at_ns,
        planned=10,
        dispatched=10,
        finished=10,
        in_flight=0,
        queued=0,
        users=5,
        outcomes={"ok": 10},
        p95_ns=None,
        lag_p99_ns=None,
        slis=slis,
        journeys={},
        rows_error=rows_error,
    )


class FakeRecorder:
    """A producer of rows. `error`: it can no longer write. `broken`: it does not answer."""

    def __init__(self, calls: Calls, time: TimeSource, name: str) -> None:
        self.name = name
        self._calls = calls
        self._time = time
        self.active = False
        self.asked: tuple[Path, str] | None = None
        self.error: str | None = None
        self.broken = False

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:
        with self._calls.passing(f"{self.name}.start_recording"):
            self._answer()
            self.active = True
            self.asked = (folder, run_id)
            return RecordingState({}, {}, None, self._time.clock())

    def recording(self) -> RecordingState:
        with self._calls.passing(f"{self.name}.recording"):
            self._answer()
            return RecordingState({"spans": 3}, {}, self.error, None)

    def stop_recording(self, *, hurry: bool = False) -> RecordingState:  # noqa: ARG002 - it is quick
        with self._calls.passing(f"{self.name}.stop_recording"):
            self._answer()
            self.active = False
            return RecordingState({f"{self.name}-rows": 3}, {f"{self.name}-rows": 1}, self.error, self._time.clock())

    def _answer(self) -> None:
        if self.broken:
            raise HarnessError(f"{self.name} does not answer")


class FakeServices:
    """The system under test and its supervisor.

    `gone`: the supervisor no longer answers. `mute`: no accounts are given. `helpless`: it
    cannot undo by force.
    """

    def __init__(self, calls: Calls, plane: FakePlane) -> None:
        self._calls = calls
        self.can_flush = True
        self._plane = plane
        self.dying: list[Death] = []
        self.ended: list[str] = []
        self.gone = False
        self.mute = False
        self.helpless = False
        self.pending = [0]
        """Unfinished work as it is said, one number for each time it is asked for; the last one stays."""
        self.forced = 0
        self.watched: dict[str, int] = {}

    def die(self, name: str) -> None:
        self.dying.append(Death(name, "ended with status 1", ["Traceback", "boom"]))
        self.ended.append(f"{name}: ended with status 1")

    def deaths(self) -> list[Death]:
        with self._calls.passing("services.deaths"):
            self._answer()
            found, self.dying = self.dying, []
            return found

    def audits(self) -> dict[str, Audit]:
        with self._calls.passing("services.audits"):
            if self.mute:
                raise HarnessError("orders does not answer")
            pending = self.pending.pop(0) if len(self.pending) > 1 else self.pending[0]
            return {"orders": Audit(service="orders", pending=pending)}

    def flush_spans(self) -> bool:
        with self._calls.passing("services.flush_spans"):
            return self.can_flush

    def cpu_seconds(self) -> float:
        with self._calls.passing("services.cpu_seconds"):
            return 1.0

    def breakers(self) -> dict[str, str]:
        with self._calls.passing("services.breakers"):
            return {}

    def force_undo(self) -> None:
        with self._calls.passing("services.force_undo"):
            self._answer()
            if self.helpless:
                raise HarnessError("the supervisor cannot undo it")
            self.forced += 1
            self._plane.replace()

    def leftovers(self) -> list[str]:
        with self._calls.passing("services.leftovers"):
            self._answer()
            return list(self.ended)

    def watch_over(self, processes: dict[str, int]) -> None:
        with self._calls.passing("services.watch_over"):
            self._answer()
            self.watched |= processes

    def _answer(self) -> None:
        if self.gone:
            raise HarnessError("the supervisor does not answer")


class FakeSink:
    """Keeps what it is shown."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.events: list[AnyEvent] = []
        self.ticks: list[Tick] = []

    def event(self, event: AnyEvent) -> None:
        with self._calls.passing(f"sink.event {event.event}"):
            self.events.append(event)

    def tick(self, tick: Tick) -> None:
        with self._calls.passing("sink.tick"):
            self.ticks.append(tick)
