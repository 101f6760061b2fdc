"""What the engine needs from the world, as narrow protocols. Adapters fulfil them; so do the fakes in tests."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workbench.model.audit import Audit
from workbench.model.events import AnyEvent, Clock
from workbench.model.faults.base import FaultBase
from workbench.model.loadjob import Done, LoadJob, Probed, Progress


class TimeSource(Protocol):
    """Time and sleep."""

    def now_ns(self) -> int:
        """Return the host's monotonic clock, absolute."""

    def clock(self) -> Clock:
        """Read monotonic and wall clock together."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class FaultState:
    """A fault as the plane reports it. Times are absolute monotonic ns; `expires_at_ns` is 0 where it has no lease.

    `evidence` showed that it is on, or off.
    """

    id: str
    target: str
    active_since_ns: int
    counts: Mapping[str, int] = field(default_factory=dict)
    kind: str = ""
    expires_at_ns: int = 0

    def left_ns(self, now_ns: int) -> int | None:
        """Return how long it stays unless renewed; None where nothing ends it by itself."""
        return max(self.expires_at_ns - now_ns, 0) if self.expires_at_ns else None

    evidence: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    on_ns: int | None = None
    """How long it has been on in all; None: all the time."""


class FaultPlane(Protocol):
    """Injects faults that expire unless renewed. Every call has a deadline and raises HarnessError beyond it."""

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:
        """Put a fault on; it is on when this returns."""

    def faults(self) -> list[FaultState]:
        """Return what is on."""

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """Renew leases; return the ids that are no longer on."""

    def undo(self, fault_id: str) -> FaultState | None:
        """Take a fault off; return its last state, or None if it was not on."""

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        """Send one request over an edge, or straight to its callee; of a service, ask whether it is ready.

        Return `answered`, `slow`, `refused` or `broken`.
        """


@dataclass(frozen=True, slots=True)
class RecordingState:
    """What a producer of rows has kept. `clock` is present when the recording started or ended."""

    rows: Mapping[str, int]
    dropped: Mapping[str, int]
    error: str | None
    clock: Clock | None


class Recorder(Protocol):
    """A process that writes rows into a folder while a run goes on: fault plane, collector."""

    name: str

    def start_recording(self, folder: Path, run_id: str) -> RecordingState:
        """Begin to write rows."""

    def recording(self) -> RecordingState:
        """Ask how it goes."""

    def stop_recording(self, *, hurry: bool = False) -> RecordingState:
        """Write everything out, durably. In a hurry, what would have to be fetched first is left out."""


class LoadGenerator(Protocol):
    """Walks a schedule of arrivals in a process of its own."""

    def start(self, job: LoadJob, job_file: Path) -> int:
        """Start the process; return its pid."""

    def wait_warm(self, deadline_s: float) -> None:
        """Wait until some journeys have been run that are not measured."""

    def wait_probed(self, deadline_s: float) -> Probed:
        """Wait until the probe journeys are done."""

    def wait_ready(self, deadline_s: float) -> None:
        """Wait until users are made."""

    def begin(self, start_ns: int) -> None:
        """Set run zero (absolute monotonic ns)."""

    def progress(self) -> Progress | None:
        """Return the latest progress; raises HarnessError if the process has ended unasked."""

    def stop(self, deadline_s: float) -> Done | None:
        """Stop arrivals, drain, write out; None if it had to be killed."""

    def kill(self) -> None:
        """End the process at once; does nothing if it has ended."""


@dataclass(frozen=True, slots=True)
class Death:
    """A process of the stack ended unasked."""

    name: str
    status: str
    log_tail: list[str]


class Services(Protocol):
    """The system under test, as far as it talks to us."""

    def deaths(self) -> list[Death]:
        """Return which processes ended unasked since the last call; raises HarnessError if the stack is gone."""

    def audits(self) -> dict[str, Audit]:
        """Return every service's own account. Raises HarnessError if one that should give it does not."""

    def flush_spans(self) -> bool:
        """Ask services to send the spans they hold. False: some that send spans could not be asked."""

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that all processes of the stack have used so far."""

    def breakers(self) -> dict[str, str]:
        """Return the state of every breaker that is exported, by edge."""

    def force_undo(self) -> None:
        """Have the supervisor undo all faults, by replacing the fault plane if need be; then they are off."""

    def leftovers(self) -> list[str]:
        """Return processes that should run and do not, or are stopped."""

    def watch_over(self, processes: dict[str, int]) -> None:
        """Have these processes watched, measured, and ended should we die."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A glance at the run, some times a second."""

    at_ns: int
    phase: str
    phase_left_ns: int
    run_left_ns: int
    progress: Progress | None
    faults_on: list[str]
    breakers: Mapping[str, str]


class Interruption(Protocol):
    """A signal that asks the run to end; it raises Interrupted wherever the run is."""

    def shield(self) -> None:
        """From here on signals are only noted: what follows is the cleaning up they ask for."""

    def deferred(self) -> AbstractContextManager[None]:
        """Have a signal wait until this is over, for what takes an exception out of nowhere for one of its own."""

    def check(self) -> None:
        """Raise Interrupted if a signal came and is not shielded, also if that was raised where exceptions are lost."""


class EventSink(Protocol):
    """Shows what happens."""

    def event(self, event: AnyEvent) -> None:
        """Something happened."""

    def tick(self, tick: Tick) -> None:
        """How it goes right now; not kept."""


@dataclass(frozen=True, slots=True)
class Rim:
    """Everything outside the engine."""

    time: TimeSource
    plane: FaultPlane
    recorders: list[Recorder]
    load: LoadGenerator
    services: Services
    sink: EventSink
    interruption: Interruption
