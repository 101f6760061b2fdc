"""One run as far as it has come: its files are followed, and what there is to show is told as plain data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.collector.live.breakers_seen import BreakersSeen
from workbench.collector.live.edges_seen import EdgesSeen
from workbench.collector.live.journal_seen import JournalSeen
from workbench.collector.live.load_seen import LoadSeen
from workbench.collector.live.tailing import Tail
from workbench.model.faults.base import CalleeFault, PacketFault
from workbench.model.run import RunRecord
from workbench.model.units import NS_PER_S
from workbench.pages.axis import Axis, ticks
from workbench.pages.charts import Chart, chart_data

MOST_SLOTS = 200
_LATE_NS = 3 * NS_PER_S


class RunSeen:
    """A run directory that is being written.

    `recordings`: where a fault plane in a container writes, in a folder of the run's name; its rows are moved later.
    """

    def __init__(self, folder: Path, recordings: Path | None = None) -> None:
        self.folder = folder
        self.run_id = folder.name
        self.journal = JournalSeen()
        self.record: RunRecord | None = None
        self._load: LoadSeen | None = None
        self._edges: EdgesSeen | None = None
        self._axis: Axis | None = None
        raw = folder / "raw"
        self._journal_file = Tail(folder / "journal.jsonl")
        self._schedule = Tail(raw / "schedule.csv")
        self._requests = Tail(raw / "requests.csv")
        apart = [] if recordings is None else [recordings / folder.name / "attempts.csv"]
        self._attempts = Tail(raw / "attempts.csv", *apart)
        self._judged = False
        """There is a verdict, although the journal may have no end: it failed, or was interrupted."""
        self.quiet = False
        """The run is over, and everything it wrote has been read."""

    def follow(self) -> bool:
        """Read what has come, and tell whether there was more than could be read at once."""
        if self.quiet:
            return False
        self.journal.read(self._journal_file.lines())
        if self._load is None:
            self._begin()
        read = 0
        if self._load is not None and self._edges is not None:
            schedule, requests, attempts = (tail.lines() for tail in (self._schedule, self._requests, self._attempts))
            self._load.schedule(schedule)
            self._load.rows(requests)
            self._edges.rows(attempts)
            self._load.finish_slots(self.now_ns)
            read = len(schedule) + len(requests) + len(attempts)
        if self.journal.finishing:
            self._judged = (self.folder / "verdict.json").exists()
        if self.state == "over" and read == 0:
            self.close()
        return any(tail.behind for tail in (self._schedule, self._requests, self._attempts))

    def close(self) -> None:
        """Let the files go; what was seen stays."""
        self.quiet = True
        for tail in (self._journal_file, self._schedule, self._requests, self._attempts):
            tail.close()

    def span(self, row: Sequence[Any]) -> None:
        """Take one row of the table `spans`."""
        if self._edges is not None:
            self._edges.span(row)

    def _begin(self) -> None:
        """Read what is to be run; from the first event with a time on, run.json has run zero."""
        if self.record is not None and not self.journal.loading:
            return
        try:
            self.record = RunRecord.model_validate_json((self.folder / "run.json").read_bytes())
        except (OSError, ValidationError):
            return
        if not self.journal.loading:
            return
        record = self.record
        self._axis = Axis.cut(0, max(record.plan.end_ns, NS_PER_S), MOST_SLOTS)
        self._load = LoadSeen(self._axis, list(record.scenario.load.mix), record.zero.monotonic_ns)
        faulted = [edge for fault in record.scenario.faults for edge in self.edges_of(fault.id)]
        listening = {fault.id for fault in record.scenario.faults if fault.level == "listener"}
        self._edges = EdgesSeen(
            self._axis,
            list(dict.fromkeys(faulted)),
            refusing=[edge for id_ in listening for edge in self.edges_of(id_)],
            zero_ns=record.zero.monotonic_ns,
            zero_wall_ns=record.zero.wall_ns,
        )

    def edges_of(self, fault_id: str) -> list[str]:
        """Return the edges that feel a fault."""
        if self.record is None:
            return []
        (fault,) = [fault for fault in self.record.scenario.faults if fault.id == fault_id]
        return [edge.name for edge in self.record.system.edges if fault.touches(edge.name)]

    # -- where it is ----------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Time since run zero; of a load that has stopped, when it did."""
        if self.record is None or self._load is None:
            return 0
        if self.journal.load_stopped_ns is not None:
            return self.journal.load_stopped_ns
        return max(time.monotonic_ns() - self.record.zero.monotonic_ns, 0)

    @property
    def _shift_ns(self) -> int:
        """How much later than planned phases begin: what transitions have taken so far."""
        if self.record is None or not self.journal.phases:
            return 0
        last = self.journal.phases[-1]
        slot = self.record.plan.phase(last.name)
        return 0 if slot is None else max(last.start_ns - slot.start_ns, 0)

    @property
    def state(self) -> str:
        """Return `preparing`, `running`, `finishing` or `over`."""
        if self.journal.ended or self._judged:
            return "over"
        if self.journal.finishing or self.journal.load_stopped_ns is not None:
            return "finishing"
        return "running" if self.journal.loading else "preparing"

    # -- what there is to show ------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return what does not change: what is tried, and on what."""
        record, report = self.record, str(self.folder / "report.html")
        if record is None:
            return {"id": self.run_id, "report": report, "title": "", "scenario": "", "faults": []}
        scenario = record.scenario
        return {
            "id": self.run_id,
            "report": report,
            "scenario": scenario.name,
            "title": scenario.title or scenario.name,
            "hypothesis": scenario.hypothesis,
            "watch": list(scenario.watch),
            "faults": [
                {"id": fault.id, "target": fault.target, "does": fault.describe(), "edges": self.edges_of(fault.id)}
                for fault in scenario.faults
            ],
            "disabled": record.reproduce.faults_disabled,
            "bugs": record.reproduce.bugs,
        }

    def now(self) -> dict[str, Any]:
        """Return how it stands."""
        journal, record, now_ns = self.journal, self.record, self.now_ns
        phase = journal.phase
        slot = None if record is None or phase is None else record.plan.phase(phase.name)
        told: dict[str, Any] = {
            "id": self.run_id,
            "state": self.state,
            "at": round(now_ns / NS_PER_S, 1),
            "phase": None if phase is None else phase.name,
            "role": None if slot is None else slot.role,
            "phase_left": None,
            "run_left": None,
            "faults": {id_: fault.state for id_, fault in journal.faults.items()},
            "dead": sorted(journal.dead),
            "clean": journal.clean,
            "lately": [],
            "planned_per_s": None,
            "journeys": None,
            "under_way": None,
        }
        if record is not None and self._load is not None and self._axis is not None:
            if self.state == "running":
                end_ns = record.plan.end_ns + self._shift_ns
                told["run_left"] = round(max(end_ns - now_ns, 0) / NS_PER_S)
                if slot is not None:
                    told["phase_left"] = round(max(slot.end_ns + self._shift_ns - now_ns, 0) / NS_PER_S)
                told["lately"] = self._load.lately(now_ns)
                told["planned_per_s"] = self._load.planned_per_s(self._axis, now_ns)
            told["journeys"] = self._load.journeys
            told["outcomes"] = dict(self._load.outcomes)
            told["under_way"] = self._load.under_way(now_ns)
        return told

    def charts(self, breakers: BreakersSeen) -> dict[str, Any] | None:
        """Return the time axis with everything on it; None as long as there is no run zero."""
        record, load, edges, cut = self.record, self._load, self._edges, self._axis
        if record is None or load is None or edges is None or cut is None:
            return None
        now_ns = self.now_ns
        whole = self.journal.load_stopped_ns is not None
        end_ns = now_ns if whole else max(record.plan.end_ns + self._shift_ns, now_ns)
        axis = Axis(0, max(end_ns, cut.slot_ns), cut.slot_ns)
        known_ns = axis.slots * axis.slot_ns if whole else now_ns
        felt = [edge for fault in record.scenario.faults for edge in self.edges_of(fault.id)]
        uncounted = [
            edge
            for edge in felt
            if all(isinstance(f, CalleeFault | PacketFault) for f in record.scenario.faults if f.touches(edge))
        ]
        drawn = [*load.charts(axis, known_ns), *edges.charts(axis, known_ns, uncounted)]
        policies = record.policies.edges
        with_breaker = [edge for edge, policy in policies.items() if policy.breaker is not None]
        lanes, calm = breakers.lanes(record.zero.monotonic_ns, now_ns, with_breaker, felt)
        return {
            "id": self.run_id,
            "start": 0,
            "end": axis.end_ns / NS_PER_S,
            "slot": axis.slot_ns / NS_PER_S,
            "slots": axis.slots,
            "ticks": [list(tick) for tick in ticks(axis)],
            "now": now_ns / NS_PER_S,
            "settled": None if whole else load.settled_ns(now_ns) / NS_PER_S,
            "phases": self._phases(now_ns),
            "faults": self._faults(now_ns),
            "ahead": [] if whole else self._ahead(),
            "charts": [_described(chart) for chart in drawn],
            "lanes": [[edge, [list(stretch) for stretch in stretches]] for edge, stretches in lanes],
            "calm": calm,
        }

    def _phases(self, now_ns: int) -> list[list[Any]]:
        """Return name, role, begin, end and whether it is `done`, `on` or `ahead`."""
        assert self.record is not None
        begun = {phase.name: phase for phase in self.journal.phases}
        found: list[list[Any]] = []
        stopped = self.journal.load_stopped_ns is not None
        for slot in self.record.plan.phases:
            seen = begun.get(slot.name)
            if seen is None and stopped:
                continue
            start_ns = slot.start_ns + self._shift_ns if seen is None else seen.start_ns
            if seen is None or seen.end_ns is None:
                end_ns, state = slot.end_ns + self._shift_ns, "ahead" if seen is None else "on"
                if seen is not None:
                    end_ns = now_ns if stopped else max(end_ns, now_ns)
            else:
                end_ns, state = seen.end_ns, "done"
            found.append([slot.name, slot.role, start_ns / NS_PER_S, end_ns / NS_PER_S, state])
        return found

    def _faults(self, now_ns: int) -> list[list[Any]]:
        """Return id, asked, on, undo, off, state of every fault that was asked for. What is to come is now."""
        found: list[list[Any]] = []
        for id_, fault in self.journal.faults.items():
            if fault.asked_ns is None:
                continue
            until = now_ns if fault.off_ns is None else fault.off_ns
            on = until if fault.on_ns is None else fault.on_ns
            undo = until if fault.undo_ns is None else fault.undo_ns
            found.append([id_, *(ns / NS_PER_S for ns in (fault.asked_ns, on, undo, until)), fault.state])
        return found

    def _ahead(self) -> list[list[Any]]:
        """Return id, begin and end of every fault that is to come."""
        assert self.record is not None
        plan, found = self.record.plan, []
        for fault in self.record.scenario.faults:
            if fault.id in self.journal.faults or self.record.reproduce.faults_disabled:
                continue
            times = {step.action: step.at_ns + self._shift_ns for step in plan.steps if step.name == fault.id}
            if "fault_on" in times:
                end_ns = times["fault_off"] if "fault_off" in times else plan.end_ns + self._shift_ns
                found.append([fault.id, times["fault_on"] / NS_PER_S, end_ns / NS_PER_S])
        return found


def _described(chart: Chart) -> dict[str, Any]:
    """Return a chart with its words, or why there is none."""
    return {**chart_data(chart), "title": chart.title, "note": chart.note, "missing": chart.missing}
