"""Carries a plan out on ports: load on, phases, faults on and verified, faults off and verified, load off.

It decides nothing about the verdict. Whatever goes wrong, faults are undone and what there is gets saved.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from workbench.engine.faulting import Injector
from workbench.engine.guard import AbortGuard
from workbench.engine.journal import Journal
from workbench.engine.ports import Rim, Tick
from workbench.engine.probing import assess
from workbench.errors import HarnessError
from workbench.model.events import (
    Clock,
    FaultLost,
    FaultSkipped,
    GuardFired,
    LoadStarted,
    PhaseEnded,
    PhaseStarted,
    ServiceDied,
    Warned,
)
from workbench.model.faults.base import Level
from workbench.model.loadjob import LoadJob, Progress
from workbench.model.plan import Plan, Step
from workbench.model.run import RunRecord
from workbench.model.units import NS_PER_S

_POLL_S = 0.02
_TICK_NS = NS_PER_S // 4
_LOOK_AT_ROWS_NS = 2 * NS_PER_S
_LEAD_NS = NS_PER_S // 2
"""Between fixing run zero and the first possible arrival."""
_ZEROS = 5
"""Times that another run zero is chosen because saving it took longer than that."""
_LOAD_READY_S = 60.0
_HOLDERS: dict[Level, str] = {
    "process": "its service died",
    "resource": "one of its services was started again, or who stands in front of it",
}


class GuardStop(Exception):
    """The abort guard ended the run."""


class Execution:
    """One run of one plan."""

    def __init__(self, record: RunRecord, rim: Rim, journal: Journal, injector: Injector, guard: AbortGuard) -> None:
        self._record = record
        self._plan: Plan = record.plan
        self._rim = rim
        self._journal = journal
        self._injector = injector
        self._guard = guard
        self._faults = {fault.id: fault for fault in record.scenario.faults}
        self._skipping: str | None = "--no-faults" if record.reproduce.faults_disabled else None
        self._start_judged = False
        self._phase = "warmup"
        self._phase_end_ns = 0
        self._shift_ns = 0
        self._last_tick_ns = 0
        self._last_rows_ns = 0
        self._progress: Progress | None = None
        self._silent: set[str] = set()
        """Recorders that did not answer."""
        self.load_started = False
        self._open_phase: str | None = None
        self.recording_started: dict[str, Clock] = {}

    # -- before run zero ------------------------------------------------------------------------------

    def start_recording(self, raw: Path) -> None:
        """Have every producer write its rows from here on."""
        for recorder in self._rim.recorders:
            clock = recorder.start_recording(raw, self._record.run_id).clock
            if clock is not None:
                self.recording_started[recorder.name] = clock

    def probe(self, job: LoadJob, job_file: Path) -> None:
        """Start the load process and measure what one journey costs a stack that is warm."""
        pid = self._rim.load.start(job, job_file)
        self._rim.services.watch_over({"load": pid})
        self._rim.load.wait_warm(_LOAD_READY_S)
        before_s = self._rim.services.cpu_seconds()
        probed = self._rim.load.wait_probed(_LOAD_READY_S)
        cpu_s = self._rim.services.cpu_seconds() - before_s
        if probed.journeys:
            found, warning = assess(
                self._plan,
                journeys=probed.journeys,
                cpu_s=cpu_s,
                cores=self._record.machine.cores,
                at_ns=self._journal.now(),
                allowed=self._record.reproduce.inconclusive_allowed,
            )
            self._journal.write(found)
            if warning is not None:
                self._journal.write(warning)
        self._rim.load.wait_ready(_LOAD_READY_S)

    def fix_zero(self, saved: Callable[[Clock], None]) -> None:
        """Choose run zero, save it, and let the load begin before it is over."""
        for _ in range(_ZEROS):
            clock = self._rim.time.clock()
            zero = Clock(monotonic_ns=clock.monotonic_ns + _LEAD_NS, wall_ns=clock.wall_ns + _LEAD_NS)
            saved(zero)
            if self._rim.time.now_ns() < zero.monotonic_ns:
                break
        self._journal.set_zero(zero.monotonic_ns)
        self._rim.load.begin(zero.monotonic_ns)
        self.load_started = True
        self._journal.write(LoadStarted(at_ns=0))

    # -- the plan -------------------------------------------------------------------------------------

    def walk(self) -> None:
        """Carry out the steps. Raises GuardStop, HarnessError, or whatever an interruption raises."""
        for at_ns, steps in groupby(self._plan.steps, key=lambda step: step.at_ns):
            self._wait_until(at_ns + self._shift_ns)
            self._take(at_ns, list(steps))

    def _take(self, at_ns: int, steps: list[Step]) -> None:
        """Do what is due at one moment: faults off, phase over, faults on, and only then the next phase."""
        names = {action: [s.name for s in steps if s.action == action] for action in ("fault_off", "phase", "fault_on")}
        ends = bool(names["phase"]) or any(step.action == "load_off" for step in steps)
        due_ns = at_ns + self._shift_ns
        if names["fault_off"]:
            self.note_deaths()
            self._note_lost()
        changing = [f for f in names["fault_off"] if f in self._injector.on]
        if ends:
            self.end_phase(due_ns)
        for fault_id in changing:
            self._injector.undo(fault_id)
        if names["fault_on"] and self._record.scenario.steady_state:
            self._judge_start()
        for fault_id in names["fault_on"]:
            changing += self._switch_on(fault_id)
        began_ns = self._journal.now() if changing else due_ns
        if changing:
            self._shift_ns = began_ns - at_ns
        for name in names["phase"]:
            self._begin_phase(name, began_ns)

    def end_phase(self, at_ns: int) -> None:
        """End the phase that is going on, if one is."""
        if self._open_phase is not None:
            phase, self._open_phase = self._open_phase, None
            self._journal.write(PhaseEnded(at_ns=at_ns, phase=phase))

    def _begin_phase(self, name: str, at_ns: int) -> None:
        slot = self._plan.phase(name)
        assert slot is not None
        self._open_phase = self._phase = name
        self._phase_end_ns = slot.end_ns + self._shift_ns
        self._journal.write(PhaseStarted(at_ns=at_ns, phase=name))
        if slot.role == "baseline":
            self._guard.baseline_begins(self._rim.load.progress())

    def _switch_on(self, fault_id: str) -> list[str]:
        if self._skipping is not None:
            self._journal.write(FaultSkipped(at_ns=self._journal.now(), fault=fault_id, reason=self._skipping))
            return []
        self._injector.inject(self._faults[fault_id], self._plan.seed)
        return [fault_id]

    def _judge_start(self) -> None:
        """Ask, before the first fault and never again, whether the steady state holds without one."""
        if self._start_judged or self._skipping is not None:
            return
        self._start_judged = True
        alarm = self._guard.unfair_start(self._rim.load.progress())
        if alarm is None:
            return
        self._skipping = alarm.reason
        self._journal.write(
            GuardFired(
                at_ns=self._journal.now(),
                slo=alarm.slo,
                action="skip_faults",
                good=alarm.good,
                total=alarm.total,
                reason=alarm.reason,
            )
        )
        raise GuardStop

    # -- waiting --------------------------------------------------------------------------------------

    def _wait_until(self, at_ns: int) -> None:
        while (left_ns := at_ns - self._journal.now()) > 0:
            self._look_around()
            self._rim.time.sleep(min(_POLL_S, left_ns / NS_PER_S))

    def _look_around(self) -> None:
        """Note deaths, lost faults, full disks and suffering users; show how it goes."""
        now_ns = self._journal.now()
        self._rim.interruption.check()
        self.note_deaths()
        self._note_lost()
        progress = self._rim.load.progress()
        if progress is not None and progress is not self._progress:
            self._progress = progress
            self._look_at(progress)
        if now_ns - self._last_rows_ns >= _LOOK_AT_ROWS_NS:
            self._last_rows_ns = now_ns
            self._look_at_rows()
        if now_ns - self._last_tick_ns >= _TICK_NS:
            self._last_tick_ns = now_ns
            self._rim.sink.tick(self._tick(now_ns))

    def note_deaths(self) -> None:
        """Note what has ended unasked. Raises HarnessError if the whole stack has."""
        for death in self._rim.services.deaths():
            self._injector.expect_no_answer(death.name)
            self._journal.write(
                ServiceDied(at_ns=self._journal.now(), service=death.name, status=death.status, log_tail=death.log_tail)
            )

    def _note_lost(self) -> None:
        for fault in self._injector.lost():
            self._journal.write(
                FaultLost(
                    at_ns=self._journal.now(),
                    fault=fault.id,
                    target=fault.target,
                    reason=f"its lease expired, or {_HOLDERS.get(fault.level, 'the plane died')}",
                )
            )
            self._injector.forget(fault)

    def _look_at(self, progress: Progress) -> None:
        if progress.rows_error is not None:
            raise _rows_lost(progress.rows_error)
        alarm = self._guard.abort(progress)
        if alarm is not None:
            self._journal.write(
                GuardFired(
                    at_ns=self._journal.now(),
                    slo=alarm.slo,
                    action="abort",
                    good=alarm.good,
                    total=alarm.total,
                    reason=alarm.reason,
                )
            )
            raise GuardStop

    def _look_at_rows(self) -> None:
        for recorder in self._rim.recorders:
            if recorder.name in self._silent:
                continue
            try:
                error = recorder.recording().error
            except HarnessError as failure:
                self._miss(recorder.name, failure)
                continue
            if error is not None:
                raise _rows_lost(error)

    def _miss(self, name: str, failure: HarnessError) -> None:
        """Go on without a recorder that does not answer: what its rows would have shown is not decided, the rest is.

        It is not asked again, because each question could take as long as its deadline.
        """
        self._silent.add(name)
        message = f"{failure.message}. What the {name} was to record from here on is missing"
        remedy = f"what needs it is INCONCLUSIVE; {failure.hint or f'its log is in logs/{name}.log'}"
        self._journal.write(Warned(at_ns=self._journal.now(), message=message, remedy=remedy))

    def _tick(self, now_ns: int) -> Tick:
        return Tick(
            at_ns=now_ns,
            phase=self._phase,
            phase_left_ns=max(self._phase_end_ns - now_ns, 0),
            run_left_ns=max(self._plan.end_ns + self._shift_ns - now_ns, 0),
            progress=self._progress,
            faults_on=self._injector.on,
            breakers=self._rim.services.breakers(),
        )


def _rows_lost(error: str) -> HarnessError:
    return HarnessError(
        f"samples can no longer be kept ({error})",
        hint="free some room, or choose another folder with --reports",
    )
