"""Everything that happens in a run, as typed events; console, reports and checks are readers.

`at_ns` is the time since run zero on the host's monotonic clock; it is negative before run zero.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from workbench.model.base import Frozen


class Event(Frozen):
    """Base of all events."""

    at_ns: int


class RunStarted(Event):
    event: Literal["run_started"] = "run_started"
    run_id: str
    scenario: str


class StackReady(Event):
    event: Literal["stack_ready"] = "stack_ready"
    stack_id: str
    started_by_run: bool
    services: list[str]


class MachineProbed(Event):
    """CPU seconds that one journey of the planned mix costs the whole stack, and what follows for the plan."""

    event: Literal["machine_probed"] = "machine_probed"
    journeys: int
    cpu_s_per_journey: float
    cores: int
    sustainable_per_s: float
    planned_per_s: float


class LoadStarted(Event):
    event: Literal["load_started"] = "load_started"


class LoadStopped(Event):
    """No arrivals after this. `journeys` were started; `unfinished` were cut at the drain deadline; None: unknown."""

    event: Literal["load_stopped"] = "load_stopped"
    journeys: int | None
    unfinished: int | None


class PhaseStarted(Event):
    event: Literal["phase_started"] = "phase_started"
    phase: str


class PhaseEnded(Event):
    event: Literal["phase_ended"] = "phase_ended"
    phase: str


class FaultEvent(Event):
    """Something happened to a fault. `target` is an edge, a service, or `load`."""

    fault: str
    target: str

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, data: Any) -> Any:
        """Runs of before faults on services say `edge`."""
        if isinstance(data, dict) and "edge" in data and "target" not in data:
            return {("target" if key == "edge" else key): value for key, value in data.items()}
        return data


class FaultRequested(FaultEvent):
    event: Literal["fault_requested"] = "fault_requested"


class FaultOn(FaultEvent):
    """The plane confirmed that the fault is on."""

    event: Literal["fault_on"] = "fault_on"
    evidence: dict[str, str | int | float | bool] = Field(default_factory=dict)


class FaultUndoRequested(FaultEvent):
    event: Literal["fault_undo_requested"] = "fault_undo_requested"


class FaultOff(FaultEvent):
    """The plane confirmed that the fault is off. `counts` are its final figures: eligible, hit, passed."""

    event: Literal["fault_off"] = "fault_off"
    counts: dict[str, int] = Field(
        default_factory=dict,
        description="what the plane counted: requests that were `eligible`, `hit` and `passed`; of hit attempts"
        " `bytes_in`, `bytes_out` and the `delay_ns` added; `first_hit_after_ns` and `last_hit_after_ns` it was on",
    )
    evidence: dict[str, str | int | float | bool] = Field(default_factory=dict)


class FaultLost(FaultEvent):
    """The fault ended before its time, by itself: what was measured since is not what was meant."""

    event: Literal["fault_lost"] = "fault_lost"
    reason: str


class FaultSkipped(Event):
    event: Literal["fault_skipped"] = "fault_skipped"
    fault: str
    reason: str


class GuardFired(Event):
    """An SLO was outside its bound. `action`: the faults were skipped, or the run was ended."""

    event: Literal["guard_fired"] = "guard_fired"
    slo: str
    action: Literal["skip_faults", "abort"]
    good: int
    total: int
    reason: str


class ServiceDied(Event):
    event: Literal["service_died"] = "service_died"
    service: str
    status: str
    log_tail: list[str]


class Warned(Event):
    event: Literal["warned"] = "warned"
    message: str
    remedy: str | None = None


class InterruptedBy(Event):
    event: Literal["interrupted"] = "interrupted"
    signal: str


class Failed(Event):
    """The workbench or its environment failed; the run has no verdict."""

    event: Literal["failed"] = "failed"
    error: str
    message: str
    hint: str | None = None


class Settled(Event):
    """Work accepted during the run was finished (`pending` 0), or the settle time was over."""

    event: Literal["settled"] = "settled"
    pending: int
    waited_ns: int


class CleanVerified(Event):
    """What was found after undoing: faults the plane still reports, dead or stopped processes, ledger entries."""

    event: Literal["clean_verified"] = "clean_verified"
    clean: bool
    faults: list[str]
    processes: list[str]
    ledger: list[str]


class Clock(Frozen):
    """One process read both clocks: `monotonic_ns` is absolute, not since run zero."""

    monotonic_ns: int
    wall_ns: int


class KeptFile(Frozen):
    """A file of the run directory as it was written."""

    size: int
    sha256: str


class Collected(Event):
    """What was collected, and how clocks moved: offset = wall - monotonic, in ns, at start and end."""

    event: Literal["collected"] = "collected"
    rows: dict[str, int]
    dropped: dict[str, int] = Field(
        description="rows that a producer could not keep, or that it wrote and the table lacks, by table"
    )
    untold: list[str] = Field(
        default_factory=list, description="producers that did not say how many rows they wrote: some may be lost"
    )
    clock_shift_ns: dict[str, int] = Field(
        description="by process: how far its clocks moved apart, or were apart from ours"
    )
    files: dict[str, KeptFile] = Field(
        default_factory=dict,
        description="`size` and `sha256` of every table and account, by name; older runs do not say it",
    )


class RunEnded(Event):
    event: Literal["run_ended"] = "run_ended"


AnyEvent = Annotated[
    RunStarted
    | StackReady
    | MachineProbed
    | LoadStarted
    | LoadStopped
    | PhaseStarted
    | PhaseEnded
    | FaultRequested
    | FaultOn
    | FaultUndoRequested
    | FaultOff
    | FaultLost
    | FaultSkipped
    | GuardFired
    | ServiceDied
    | Warned
    | InterruptedBy
    | Failed
    | Settled
    | CleanVerified
    | Collected
    | RunEnded,
    Field(discriminator="event"),
]

EVENT = TypeAdapter[AnyEvent](AnyEvent)
"""Reads one line of the journal."""
