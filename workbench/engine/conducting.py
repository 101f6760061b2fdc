"""One run from the first recording to the last table, whatever ends it: the plan, a guard, a signal, a failure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from workbench.engine.collecting import collect
from workbench.engine.executing import Execution, GuardStop
from workbench.engine.faulting import Injector
from workbench.engine.finishing import Finish
from workbench.engine.guard import AbortGuard, WhollyBelow
from workbench.engine.journal import Journal
from workbench.engine.ledger import Ledger
from workbench.engine.ports import Rim
from workbench.engine.rundir import RunDirectory
from workbench.errors import DirtyError, HarnessError, Interrupted, WorkbenchError
from workbench.model.events import Clock, Collected, Failed, InterruptedBy, RunEnded
from workbench.model.expectations import NoLostOrders
from workbench.model.loadjob import LoadJob
from workbench.model.run import RunRecord
from workbench.model.units import Duration

_SETTLE = Duration.parse("15s")


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

    def conduct(self) -> None:
        """Carry the plan out. Returns in any case; what went wrong is in the journal."""
        injector = Injector(self.rim.plane, self.ledger, self.journal, self.rim.time, self.record.run_id)
        guard = AbortGuard(self.record.scenario, self.record.slos, self.wholly_below)
        execution = Execution(self.record, self.rim, self.journal, injector, guard)
        finish = Finish(self.rim, self.journal)
        try:
            with suppress(GuardStop):
                self._go(execution)
            self._complete(execution, injector, finish)
        except Interrupted as interrupted:
            self.rim.interruption.shield()
            self._note(InterruptedBy(at_ns=self.journal.now(), signal=interrupted.signal_name))
            self._give_up(execution, injector, finish)
        except WorkbenchError as error:
            self.rim.interruption.shield()
            self._note(failed(error, self.journal.now()))
            self._give_up(execution, injector, finish)
        finally:
            injector.close()

    def _go(self, execution: Execution) -> None:
        self.directory.save_audits("before", self.rim.services.audits())
        execution.start_recording(self.directory.raw)
        execution.probe(self.job, self.directory.raw / "job.json")
        execution.fix_zero(self._save_zero)
        execution.walk()

    def _save_zero(self, zero: Clock) -> None:
        self.record = self.record.model_copy(update={"zero": zero})
        self.directory.save_run(self.record)

    def _complete(self, execution: Execution, injector: Injector, finish: Finish) -> None:
        """Undo, stop, settle, keep, verify: in this order, because a fault that is on hurts somebody."""
        self._undo(injector)
        execution.end_phase(self.journal.now())
        finish.stop_load(self.record.scenario.load.drain.s, started=execution.load_started)
        audits = finish.settle(self._settle_ns()) if execution.load_started else {}
        finish.stop_recording()
        self.directory.save_audits("after", audits)
        self.journal.write(injector.verify_clean(self._leftovers()))
        rows = collect(self.directory.folder, self.record.zero)
        self.journal.write(
            Collected(
                at_ns=self.journal.now(),
                rows=rows,
                dropped=finish.dropped,
                clock_shift_ns=finish.clock_shifts(execution.recording_started),
            )
        )
        self.journal.write(RunEnded(at_ns=self.journal.now()))
        self.directory.save_run(self.record.model_copy(update={"stage": "executed"}))
        if all(rows[table] == count for table, count in finish.rows.items() if table in rows):
            self.directory.drop_raw()  # otherwise it is the evidence of what is missing

    def _give_up(self, execution: Execution, injector: Injector, finish: Finish) -> None:
        """The same in a hurry; a second failure is noted and must not hide the first."""
        finish.hurry = True
        try:
            self._complete(execution, injector, finish)
        except WorkbenchError as error:
            self._note(failed(error, self.journal.now()))
            self.rim.load.kill()

    def _undo(self, injector: Injector) -> None:
        try:
            injector.undo_all()
        except DirtyError as error:
            self._note(failed(error, self.journal.now()))
            self.rim.services.force_undo()
            injector.forced()

    def _leftovers(self) -> list[str]:
        try:
            return self.rim.services.leftovers()
        except HarnessError as error:
            return [error.message]

    def _settle_ns(self) -> int:
        asked = [e.settle for e in self.record.scenario.expect if isinstance(e, NoLostOrders)]
        return max(asked, default=_SETTLE)

    def _note(self, event: InterruptedBy | Failed) -> None:
        with suppress(WorkbenchError):  # a journal that cannot be written has been reported already
            self.journal.write(event)


def failed(error: WorkbenchError, at_ns: int) -> Failed:
    """Return an error as an event."""
    return Failed(at_ns=at_ns, error=type(error).__name__, message=error.message, hint=error.hint)
