"""A run on fakes: a short scenario, everything that conducts it, and what it left in its directory."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests import histories
from tests.fakes.calls import Calls
from tests.fakes.world import World
from workbench.engine import conducting
from workbench.engine.conducting import Conductor
from workbench.engine.executing import Execution
from workbench.engine.faulting import Injector
from workbench.engine.guard import AbortGuard
from workbench.engine.journal import Journal, read_journal
from workbench.engine.ledger import Ledger
from workbench.engine.planning import make_plan
from workbench.engine.rundir import RunDirectory
from workbench.model.audit import Audit
from workbench.model.events import AnyEvent, Event
from workbench.model.loadjob import LoadJob
from workbench.model.run import RunRecord
from workbench.model.scenario import Scenario

E = TypeVar("E", bound=Event)

SHORT: dict[str, Any] = copy.deepcopy(histories.SCENARIO) | {
    "phases": [
        {"name": "warmup", "duration": "1s"},
        {"name": "baseline", "duration": "2s"},
        {"name": "fault", "duration": "4s"},
        {"name": "recovery", "duration": "2s"},
    ],
    "faults": [
        {"id": "slow", "kind": "latency", "edge": "orders:payments", "delay": "800ms"},
        {
            "id": "gone",
            "kind": "refuse",
            "edge": "front:orders",
            "schedule": {"start": "1s", "duration": "2s"},
        },
    ],
}


def short(**changes: Any) -> dict[str, Any]:
    """Return the short scenario with other top-level values."""
    return copy.deepcopy(SHORT) | changes


def record_of(scenario: dict[str, Any], *, no_faults: bool = False) -> RunRecord:
    """Return what a run of a scenario is made of."""
    return _record_of(json.dumps(scenario), no_faults=no_faults)


@cache
def _record_of(text: str, *, no_faults: bool) -> RunRecord:
    scenario = json.loads(text)
    parsed = Scenario.model_validate(scenario)
    record = histories.record(scenario)
    return record.model_copy(
        update={
            "plan": make_plan(parsed)[0],
            "stage": "planned",
            "reproduce": record.reproduce.model_copy(update={"faults_disabled": no_faults}),
        }
    )


class SteppedInjector(Injector):
    """Renews on the fake clock instead of in a thread."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._time.every(1.0, self.renew)  # type: ignore[attr-defined]

    def _keep_renewing(self, holder: str) -> None:
        pass


class WatchedLedger(Ledger):
    """Its writes are calls that can be struck, as those of the ports."""

    def __init__(self, path: Path, calls: Calls) -> None:
        super().__init__(path)
        self._calls = calls

    def _append(self, entry: dict[str, str]) -> None:
        with self._calls.passing(f"ledger.{entry['op']}"):
            super()._append(entry)


class WatchedDirectory(RunDirectory):
    """Its writes are calls that can be struck, as those of the ports."""

    calls: Calls

    def save_run(self, record: RunRecord) -> None:
        with self.calls.passing("directory.save_run"):
            super().save_run(record)

    def save_audits(self, moment: str, audits: Mapping[str, Audit]) -> None:
        with self.calls.passing(f"directory.save_audits {moment}"):
            super().save_audits(moment, audits)

    def drop_raw(self) -> None:
        with self.calls.passing("directory.drop_raw"):
            super().drop_raw()


class Stage:
    """One run. `world` may be changed before `conduct` or `walk`."""

    def __init__(
        self, folder: Path, scenario: dict[str, Any] | None = None, *, step_s: float = 0.0, no_faults: bool = False
    ) -> None:
        for name in ("raw", "audit", "logs"):
            (folder / name).mkdir(parents=True)
        self.world = World(step_s)
        self.record = record_of(SHORT if scenario is None else scenario, no_faults=no_faults)
        self.directory = WatchedDirectory(folder)
        self.directory.calls = self.world.calls
        self.ledger = WatchedLedger(folder / "ledger.jsonl", self.world.calls)
        self.journal = Journal(self.directory.journal, self.world.sink, self.world.time.now_ns)

    @property
    def job(self) -> LoadJob:
        return LoadJob(
            run_id="r",
            seed=1,
            journeys=[],
            schedule_file="",
            rows_file="",
            urls={},
            max_users=1,
            drain_s=1,
            probe_journeys=4,
            slis=[],
        )

    def conduct(self) -> list[AnyEvent]:
        """Conduct the whole run; return what the journal says."""
        conductor = Conductor(
            self.record,
            self.job,
            self.directory,
            self.journal,
            self.world.rim(),
            self.ledger,
            lambda good, total, target: good / total < target - 0.1,
        )
        try:
            conductor.conduct()
        finally:
            self.journal.close()
        return self.events()

    def injector(self) -> SteppedInjector:
        return SteppedInjector(self.world.plane, self.ledger, self.journal, self.world.time, "r")

    def execution(self, injector: Injector) -> Execution:
        guard = AbortGuard(self.record.scenario, self.record.slos, lambda *_: False)
        return Execution(self.record, self.world.rim(), self.journal, injector, guard)

    def events(self) -> list[AnyEvent]:
        events, problems = read_journal(self.directory.journal)
        assert [] == problems
        return events


def only(events: list[AnyEvent], kind: type[E]) -> list[E]:
    """Return the events of one type."""
    return [event for event in events if isinstance(event, kind)]


def stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have conductors renew on the fake clock, and collect nothing; what is written need not outlive the test."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(conducting, "Injector", SteppedInjector)
    monkeypatch.setattr(conducting, "collect", lambda *_: {"requests": 90})
