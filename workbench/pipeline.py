"""The main flow: load > plan > execute > judge > report. Each command enters or leaves it at one arrow.

Nothing here knows a tool; `Desk` is what it needs of the world, and `workbench.wiring` builds it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workbench.checks import Facts, Preview, preview, wholly_below
from workbench.engine.collecting import write_schedule
from workbench.engine.conducting import Conductor, failed
from workbench.engine.journal import Journal
from workbench.engine.ledger import Ledger
from workbench.engine.planning import make_plan
from workbench.engine.ports import EventSink, Interruption, Rim, TimeSource
from workbench.engine.refusing import (
    refuse_foreign_faults,
    refuse_inability,
    refuse_obstacles,
    refuse_other_stack,
    refuse_plane,
    refuse_undecidable,
)
from workbench.engine.rundir import RunDirectory
from workbench.errors import Interrupted, UsageError, WorkbenchError
from workbench.loading.locations import find_scenario
from workbench.loading.overrides import Overrides
from workbench.loading.scenario_files import LoadedScenario, LoadedSystem, load_scenario
from workbench.model.arrivals import Schedule
from workbench.model.events import InterruptedBy, RunStarted, StackReady
from workbench.model.faults.base import Ability
from workbench.model.loadjob import JobJourney, LoadJob
from workbench.model.makers import servers_of
from workbench.model.plan import Plan
from workbench.model.planes import PlaneName
from workbench.model.policies import Policies
from workbench.model.run import Machine, Reproduce, RunRecord
from workbench.model.runtimes import NATIVE, Placement
from workbench.model.slo import Slo
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool
from workbench.model.verdict import Verdict
from workbench.offline import judge_and_publish

_PROBE_JOURNEYS = 12


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line."""

    scenario: str
    overrides: Overrides = field(default_factory=Overrides)
    bugs: list[str] = field(default_factory=list)
    no_faults: bool = False
    allow_inconclusive: bool = False
    keep_up: bool = False
    port_base: int | None = None
    plane: PlaneName = PlaneName.BUILTIN
    tools: Sequence[Tool] = ()
    placement: Placement = NATIVE
    command: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Planned:
    """A scenario that may be run: everything known before anything is started."""

    loaded: LoadedScenario
    plan: Plan
    schedule: Schedule
    preview: Preview

    @property
    def slis(self) -> list[Slo]:
        """The SLOs that the load counts while it goes on."""
        return [slo for slo in self.loaded.slos if slo.journey in self.loaded.scenario.load.mix]

    @property
    def counted(self) -> list[Slo]:
        """The SLOs that Prometheus can have rules of: of journeys that are made, and of its own counters."""
        return [*self.slis, *(slo for slo in self.loaded.slos if slo.promql is not None)]


@dataclass(frozen=True, slots=True)
class OpenStack:
    """A running system that this run is attached to."""

    rim: Rim
    policies: Callable[[], Policies]
    save_logs: Callable[[RunDirectory], None]


class Desk(Protocol):
    """What the pipeline needs of the world."""

    sink: EventSink
    time: TimeSource
    reports: Path
    ledger: Ledger

    def exclusive(self, doing: str) -> AbstractContextManager[None]:
        """Keep other runs out of this folder."""

    def interruption(self) -> AbstractContextManager[Interruption]:
        """Turn signals into exceptions."""

    def find(self) -> RunningStack | None:
        """Return the stack that runs here, if there is one."""

    def up(
        self,
        system: LoadedSystem,
        *,
        port_base: int | None,
        bugs: list[str],
        plane: PlaneName,
        tools: Sequence[Tool],
        placement: Placement,
        owned: bool,
    ) -> RunningStack:
        """Start a stack."""

    def down(self, stack: RunningStack) -> None:
        """End a stack."""

    def obstacles(self, placement: Placement) -> Mapping[Ability, str]:
        """Return what cannot be done where a stack is to run, and why."""

    def open(
        self, stack: RunningStack, planned: Planned, run_id: str, interruption: Interruption
    ) -> AbstractContextManager[OpenStack]:
        """Attach to a stack for the length of a run."""

    def circumstances(
        self, plane: PlaneName, tools: Sequence[Tool], placement: Placement
    ) -> tuple[Machine, dict[str, str]]:
        """Return the machine and the versions on it, also those of tools that are not ours."""


def plan_scenario(request: Request) -> Planned:
    """Load and plan. Raises UsageError or InvalidInput with everything that is wrong."""
    loaded = load_scenario(find_scenario(request.scenario), request.overrides)
    loaded.loaded_system.refuse_unknown_bugs(request.bugs)
    refuse_plane(request.plane, loaded.scenario.faults, loaded.system)
    plan, schedule = make_plan(
        loaded.scenario,
        faults=not request.no_faults,
        plane=request.plane,
        servers=servers_of(loaded.system, request.placement),
    )
    facts = Facts.declared(loaded.scenario, loaded.system, loaded.slos, request.tools)
    return Planned(loaded, plan, schedule, preview(facts, plan))


def run(request: Request, planned: Planned, desk: Desk) -> tuple[Verdict, RunDirectory]:
    """Run a planned scenario up to its verdict. Raises UsageError where nothing was run."""
    refuse_undecidable(planned.preview, allowed=request.allow_inconclusive)
    refuse_obstacles(desk.obstacles(request.placement), planned.loaded.scenario.faults)
    with desk.exclusive(f"run {planned.loaded.scenario.name}"):
        directory = RunDirectory.create(desk.reports, planned.loaded.scenario.name)
        try:
            verdict = _execute(request, planned, directory, desk)
        except UsageError:
            shutil.rmtree(directory.folder, ignore_errors=True)
            raise
        return verdict, directory


def _execute(request: Request, planned: Planned, directory: RunDirectory, desk: Desk) -> Verdict:
    """Get a stack, run the plan on it, and leave everything in the directory, whatever happens.

    It is judged while the stack is still there, so that who looks at its live page sees how it came out; and once more
    where the stack then failed to end, or a signal came meanwhile: the verdict has to say so.
    """
    record = _record(request, planned, directory.run_id, desk)
    journal = Journal(directory.journal, desk.sink, desk.time.now_ns)
    journal.write(RunStarted(at_ns=journal.now(), run_id=directory.run_id, scenario=record.scenario.name))
    directory.save_run(record)
    with desk.interruption() as interruption:  # to the very end: a second signal leaves the verdict to be written
        try:
            with (
                _noted(journal, interruption),
                _stack(request, planned, desk, journal, interruption) as stack,
            ):
                with _noted(journal, interruption):
                    _conduct(
                        request, planned, record, stack, desk, directory=directory, journal=journal, by=interruption
                    )
                journal.settle()
                with interruption.deferred():
                    return judge_and_publish(directory)
        finally:
            journal.close()
        return judge_and_publish(directory)


def _conduct(
    request: Request,
    planned: Planned,
    record: RunRecord,
    stack: RunningStack,
    desk: Desk,
    *,
    directory: RunDirectory,
    journal: Journal,
    by: Interruption,
) -> None:
    """Run the plan on a stack. It may be ended `by` a signal."""
    with desk.open(stack, planned, directory.run_id, by) as opened:
        journal.show_to(opened.rim.sink)
        refuse_foreign_faults(opened.rim.plane.faults())
        directory.save_stack(stack)
        record = record.model_copy(update={"policies": opened.policies(), "tools": stack.tools})
        refuse_undecidable(preview(Facts.of_run(record), planned.plan), allowed=request.allow_inconclusive)
        with by.deferred():  # see `collect`
            write_schedule(directory.folder, planned.schedule)
        job = _job(planned, stack, directory)
        Conductor(record, job, directory, journal, opened.rim, desk.ledger, wholly_below).conduct()
        opened.save_logs(directory)


def refuse_other_ports(found: RunningStack, port_base: int | None) -> None:
    """Refuse a running stack whose ports are not those that were asked for, if any were."""
    if port_base not in (None, found.port_base):
        raise UsageError(
            f"the ports of the stack that is running here begin at {found.port_base}, not {port_base}",
            hint="without --port-base it is used as it is; workbench down ends it",
        )


@contextmanager
def _noted(journal: Journal, interruption: Interruption) -> Iterator[None]:
    """Write into the journal what ends a run early; what is left to be done is done all the same."""
    try:
        yield
    except UsageError:
        raise
    except Interrupted as interrupted:  # before anything was injected, or after everything was undone
        interruption.shield()
        journal.write(InterruptedBy(at_ns=journal.now(), signal=interrupted.signal_name))
    except WorkbenchError as error:
        interruption.shield()
        journal.write(failed(error, journal.now()))


@contextmanager
def _stack(
    request: Request, planned: Planned, desk: Desk, journal: Journal, interruption: Interruption
) -> Iterator[RunningStack]:
    """Yield the stack that runs here, or one of our own, which is taken down again."""
    found = desk.find()
    if found is not None:
        refuse_other_stack(
            found,
            planned.loaded.system.name,
            bugs=request.bugs,
            plane=request.plane,
            tools=request.tools,
            placement=request.placement,
        )
        refuse_other_ports(found, request.port_base)
    stack = found or desk.up(
        planned.loaded.loaded_system,
        port_base=request.port_base,
        bugs=request.bugs,
        plane=request.plane,
        tools=request.tools,
        placement=request.placement,
        owned=not request.keep_up,
    )
    journal.write(
        StackReady(
            at_ns=journal.now(),
            stack_id=stack.stack_id,
            started_by_run=found is None,
            services=sorted(stack.services),
        )
    )
    try:
        refuse_inability(stack, planned.loaded.scenario.faults)
        yield stack
    finally:
        interruption.shield()
        if found is None and not request.keep_up:
            desk.down(stack)


def _record(request: Request, planned: Planned, run_id: str, desk: Desk) -> RunRecord:
    machine, versions = desk.circumstances(request.plane, request.tools, request.placement)
    system = planned.loaded.system
    services = system.services.items()
    return RunRecord(
        run_id=run_id,
        scenario=planned.loaded.scenario,
        system=system,
        slos=list(planned.loaded.slos),
        plan=planned.plan,
        fault_plane=request.plane,
        policies=Policies(),
        audited=[name for name, service in services if service.audit is not None],
        traced=[name for name, service in services if service.traces],
        scraped=[name for name, service in services if service.metrics is not None],
        zero=desk.time.clock(),
        versions=versions,
        machine=machine,
        reproduce=Reproduce(
            command=request.command,
            rate_override=request.overrides.rate,
            changes=dict(request.overrides.changes),
            bugs=request.bugs,
            inconclusive_allowed=request.allow_inconclusive,
            faults_disabled=request.no_faults,
        ),
    )


def _job(planned: Planned, stack: RunningStack, directory: RunDirectory) -> LoadJob:
    """Return what the load child is told."""
    load, journeys = planned.loaded.scenario.load, []
    for name in planned.schedule.journeys:
        file, user = planned.loaded.locustfile(name)
        host = stack.services[planned.loaded.system.entry]
        journeys.append(JobJourney(name=name, locustfile=str(file), user=user, host=host, weight=load.mix[name]))
    return LoadJob(
        run_id=directory.run_id,
        seed=planned.plan.seed,
        journeys=journeys,
        schedule_file=str(directory.raw / "schedule.csv"),
        rows_file=str(directory.raw / "requests.csv"),
        urls=stack.services,
        max_users=load.max_users,
        drain_s=load.drain.s,
        probe_journeys=_PROBE_JOURNEYS,
        masks=planned.loaded.system.masks,
        slis=planned.slis,
    )
