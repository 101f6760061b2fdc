"""One run from the first recording to the last table, whatever ends it: the plan, a guard, a signal, a failure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.engine.collecting import collect, differences
from workbench.engine.executing import Execution, GuardStop
from workbench.engine.faulting import Injector
from workbench.engine.finishing import Finish
from workbench.engine.guard import AbortGuard, WhollyBelow
from workbench.engine.journal import Journal
from workbench.engine.ledger import Ledger
from workbench.engine.ports import Rim
from workbench.engine.rundir import RunDirectory
from workbench.errors import DirtyError, EnvironmentFailure, HarnessError, Interrupted, UsageError, WorkbenchError
from workbench.model.events import Clock, Collected, Failed, InterruptedBy, RunEnded
from workbench.model.expectations import NoLostOrders, SagaAtomic
from workbench.model.loadjob import LoadJob
from workbench.model.run import RunRecord
from workbench.model.units import Duration

_SETTLE = Duration.parse("15s")
_TOLD_AFTER_S = 1.0
"""Who looks sees at once that a service has died; that it died is told a moment later."""


@dataclass(slots=True)
class Conductor:
    """Owns a run directory while its run goes on. `record` gets run zero once it is known."""

    record: RunRecord
    job: LoadJob
    directory: RunDirectory
    journal: Journal
    rim: Rim
    ledger: Ledger
    wholly_below: WhollyBelow
    _rows: dict[str, int] = field(default_factory=dict, init=False)

    def conduct(self) -> None:
        """Carry the plan out. What went wrong is in the journal.

        Raises UsageError where the load could not even begin, such as for a locustfile that cannot be imported.
        """
        injector = Injector(self.rim.plane, self.ledger, self.journal, self.rim.time, self.record.run_id)
        guard = AbortGuard(self.record.scenario, self.record.slos, self.wholly_below)
        execution = Execution(self.record, self.rim, self.journal, injector, guard)
        finish = Finish(self.rim, self.journal)
        steps = self._steps(execution, injector, finish)
        try:
            self._carry_out(execution, finish, steps)
        except Interrupted as interrupted:
            self.rim.interruption.shield()
            self._note(InterruptedBy(at_ns=self.journal.now(), signal=interrupted.signal_name))
            self._give_up(finish, steps)
        finally:
            injector.close()

    def _carry_out(self, execution: Execution, finish: Finish, steps: list[Callable[[], None]]) -> None:
        """Go through with it, or give up on a failure. Raises Interrupted, also while it turns to giving up."""
        try:
            with suppress(GuardStop):
                self._go(execution)
            while steps:
                steps[0]()
                del steps[0]
        except Interrupted:
            raise
        except WorkbenchError as error:
            self.rim.interruption.shield()
            self._note(failed(error, self.journal.now()))
            self._give_up(finish, steps)
            if isinstance(error, UsageError) and not execution.load_started:
                raise

    def _go(self, execution: Execution) -> None:
        self.directory.save_audits("before", self.rim.services.audits())
        execution.start_recording(self.directory.raw)
        execution.probe(self.job, self.directory.raw / "job.json")
        execution.fix_zero(self._save_zero)
        execution.walk()

    def _save_zero(self, zero: Clock) -> None:
        self.record = self.record.model_copy(update={"zero": zero})
        self.directory.save_run(self.record)

    def _steps(self, execution: Execution, injector: Injector, finish: Finish) -> list[Callable[[], None]]:
        """Return what follows the plan: undo first, because a fault that is on hurts somebody; then stop and keep.

        Each can be begun again after it was cut short, and is not carried out again once it is through: tables
        that were collected are not collected from raw rows that are gone.
        """
        return [
            lambda: self._undo(execution, injector),
            lambda: execution.end_phase(self.journal.now()),
            lambda: finish.stop_load(self.record.scenario.load.drain.s, started=execution.load_started),
            lambda: finish.settle(self._settle_ns()) if execution.load_started else None,
            finish.stop_recording,
            lambda: self._verify(execution, injector),
            lambda: self.directory.save_audits("after", finish.audits),
            lambda: self._collect(execution, finish),
            lambda: self.journal.write(RunEnded(at_ns=self.journal.now())),
            lambda: self.directory.save_run(self.record.model_copy(update={"stage": "executed"})),
            lambda: self._drop_raw(finish),
        ]

    def _give_up(self, finish: Finish, steps: list[Callable[[], None]]) -> None:
        """Take the steps that are left in a hurry; one that fails is noted and keeps no other from being taken."""
        finish.hurry = True
        for step in steps:
            try:
                step()
            except WorkbenchError as error:
                self._note(failed(error, self.journal.now()))
        self.rim.load.kill()

    def _undo(self, execution: Execution, injector: Injector) -> None:
        with suppress(HarnessError):  # a stack that is gone is found out below
            execution.note_deaths()
        try:
            injector.undo_all()
        except DirtyError as error:
            self._note(failed(error, self.journal.now()))
            self.rim.services.force_undo()
            injector.undo_all()  # whether it is true is shown as for every undo

    def _verify(self, execution: Execution, injector: Injector) -> None:
        left = self._leftovers()
        if left:
            self.rim.time.sleep(_TOLD_AFTER_S)
        with suppress(HarnessError):  # then `leftovers` says so
            execution.note_deaths()
        self.journal.write(injector.verify_clean(left))

    def _collect(self, execution: Execution, finish: Finish) -> None:
        with self.rim.interruption.deferred():  # a query that a signal interrupts does not say so
            self._rows = collect(self.directory.folder, self.record.zero)
        dropped = dict(finish.dropped)
        for table, missing in differences(finish.rows, self._rows).items():
            if missing > 0:  # more than was written: who wrote was replaced meanwhile, which is told elsewhere
                dropped[table] = missing + (dropped[table] if table in dropped else 0)
        self.journal.write(
            Collected(
                at_ns=self.journal.now(),
                rows=self._rows,
                dropped=dropped,
                untold=finish.untold,
                clock_shift_ns=finish.clock_shifts(execution.recording_started),
                files=self.directory.kept_files(),
            )
        )

    def _drop_raw(self, finish: Finish) -> None:
        """Remove the raw rows, unless they are the evidence of what is missing in the tables."""
        if self._rows and not finish.untold and not differences(finish.rows, self._rows):
            self.directory.drop_raw()

    def _leftovers(self) -> list[str]:
        try:
            return self.rim.services.leftovers()
        except HarnessError as error:
            return [error.message]

    def _settle_ns(self) -> int:
        asked = [e.settle for e in self.record.scenario.expect if isinstance(e, (NoLostOrders, SagaAtomic))]
        return max(asked, default=_SETTLE)

    def _note(self, event: InterruptedBy | Failed) -> None:
        with suppress(EnvironmentFailure):  # a journal that cannot be written has been reported already
            self.journal.write(event)


def failed(error: WorkbenchError, at_ns: int) -> Failed:
    """Return an error as an event."""
    return Failed(at_ns=at_ns, error=type(error).__name__, message=error.message, hint=error.hint)
