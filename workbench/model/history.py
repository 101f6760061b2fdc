"""A finished run directory as values and tables: the only thing that checks and reports read.

Base tables (workbench.model.tables) come from Parquet files, or from rows written by hand in tests. On top
of them this module defines what everybody needs, once: which phase a journey belongs to, which logical call
an attempt belongs to, when a fault was really on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import duckdb

from workbench.model.audit import Audit
from workbench.model.caller_attempts import attempts_from_spans
from workbench.model.events import (
    AnyEvent,
    Event,
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultUndoRequested,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    PhaseStarted,
)
from workbench.model.faults.base import FaultBase, RequestFault, ServiceFault
from workbench.model.history_views import DISTURBED_DDL, PHASES_DDL, STARVED, VIEWS
from workbench.model.policies import EdgePolicy
from workbench.model.run import RunRecord
from workbench.model.scenario import Role

E = TypeVar("E", bound=Event)
T = TypeVar("T")

_PAGE = 10_000

STARVED_NS = 200_000_000
"""A process that waited this long for a core within one second was starved; on a healthy machine it is a tenth."""

OWN_SHARE = 0.75
"""A run whose processes had this part of all cores, or more, made the others of its own wait by itself."""


@dataclass(frozen=True, slots=True)
class PhaseWindow:
    """When a phase really was: between verified transitions."""

    name: str
    role: Role
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """The four moments of a fault. None means that it did not come to that."""

    fault: FaultBase
    requested_ns: int | None
    on_ns: int | None
    undo_requested_ns: int | None
    off_ns: int | None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Read-only view of a run. `connection` holds the six kept tables; `__post_init__` adds the views below.

    journeys       one row per journey: phase, response_ns (from the intended start), undelayed_ns (from the
                   dispatch: without generator lag), service_ns (from when a user began), crossing (in flight
                   at some moment of a transition: between asking for a fault and its verified effect, or its
                   verified end), crossed_after_ns (how long it had run when the first of these was asked for, else
                   null), outlasted (it crossed only ends of faults, so the fault was on as long as it ran before)
    edge_attempts  one row per counted attempt: edge, ordinal, started, ended, call, failed, faults, status, delay_ns,
                   source (`plane`; or `caller`, without ordinal: connections that the kernel refused, and all of them
                   where the fault plane keeps no record), and caller_started, caller_ended by the caller's own span,
                   where there is one
    calls          one row per logical call: edge, call, started, ended, outcome
    phases         the windows of `phases()`
    transitions    the slots of `transitions()`
    starved        the seconds in which a process of the run waited long for a core, and for no fault: from_ns, to_ns,
                   waited_ns, by_others (whether others than the run had the cores); `journeys.starved_ns` is how much
                   of that lies within a journey, at the most, `journeys.crowded` whether some by others does
    """

    run: RunRecord
    journal: tuple[AnyEvent, ...]
    audits_before: Mapping[str, Audit]
    audits_after: Mapping[str, Audit]
    connection: duckdb.DuckDBPyConnection
    problems: tuple[str, ...] = field(default=())
    """What could not be read, in words (a torn journal line, a missing table)."""
    _answers: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.connection.execute(PHASES_DDL)
        rows = [(w.name, w.role, w.start_ns, w.end_ns) for w in self.phases()]
        if rows:
            self.connection.executemany("INSERT INTO phases VALUES (?, ?, ?, ?)", rows)
        slots = self.transitions()
        if slots:
            self.connection.executemany("INSERT INTO transitions VALUES (?, ?, ?)", slots)
        self.connection.execute(DISTURBED_DDL)
        disturbed = list(self._disturbed())
        if disturbed:
            self.connection.executemany("INSERT INTO disturbed VALUES (?, ?, ?)", disturbed)
        self.connection.execute(STARVED, [STARVED_NS, OWN_SHARE * self.run.machine.cores])
        if self.run.fault_plane.records_attempts:
            self.connection.execute(VIEWS.format(source="plane", failing="s.outcome = 'invalid'"))
        else:
            attempts_from_spans(self.connection, self._hit_windows())
            failing = "s.outcome NOT IN ('ok', 'client_error')"
            self.connection.execute(VIEWS.format(source="caller", failing=failing))

    # -- tables ---------------------------------------------------------------------------------------

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Run a query and return all rows; for results that are small."""
        return self.connection.execute(sql, list(params)).fetchall()

    def row(self, sql: str, *params: object) -> tuple[Any, ...]:
        """Run a query that gives exactly one row, such as an aggregate."""
        (row,) = self.rows(sql, *params)
        return row

    def stream(self, sql: str, *params: object) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows page by page, in bounded memory."""
        cursor = self.connection.cursor().execute(sql, list(params))
        while page := cursor.fetchmany(_PAGE):
            yield from page

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Return what `compute` gives, computed at most once: for answers that several checks need."""
        if name not in self._answers:
            self._answers[name] = compute()
        answer: T = self._answers[name]
        return answer

    # -- what happened --------------------------------------------------------------------------------

    def events(self, kind: type[E]) -> list[E]:
        """Return the events of one type, in order."""
        return [event for event in self.journal if isinstance(event, kind)]

    def phases(self) -> list[PhaseWindow]:
        """Return the phases that were begun. One that never ended is cut where the load stopped."""
        ends = {event.phase: event.at_ns for event in self.events(PhaseEnded)}
        last = self.load_end_ns()
        windows = []
        for event in self.events(PhaseStarted):
            phase = self.run.scenario.phase(event.phase)
            if phase is not None:
                end = ends[event.phase] if event.phase in ends else last
                windows.append(PhaseWindow(event.phase, phase.role, event.at_ns, max(end, event.at_ns)))
        return windows

    def phase(self, name: str) -> PhaseWindow | None:
        """Return the window of a phase, if it was begun."""
        return next((window for window in self.phases() if window.name == name), None)

    def phases_of(self, role: Role) -> list[PhaseWindow]:
        """Return the windows of one role."""
        return [window for window in self.phases() if window.role == role]

    def load_start_ns(self) -> int:
        """Return when the load began (0 if it never did)."""
        return next((event.at_ns for event in self.events(LoadStarted)), 0)

    def load_end_ns(self) -> int:
        """Return when the last arrival was due: the stop of the load, or the last thing that happened."""
        stopped = next((event.at_ns for event in self.events(LoadStopped)), None)
        return stopped if stopped is not None else max((event.at_ns for event in self.journal), default=0)

    def fault_windows(self) -> list[FaultWindow]:
        """Return for every fault of the scenario when it was asked for, on, and off again."""

        def moment(kind: type[FaultRequested | FaultOn | FaultUndoRequested | FaultOff], fault: str) -> int | None:
            return next((event.at_ns for event in self.events(kind) if event.fault == fault), None)

        return [
            FaultWindow(
                fault,
                moment(FaultRequested, fault.id),
                moment(FaultOn, fault.id),
                moment(FaultUndoRequested, fault.id),
                moment(FaultOff, fault.id),
            )
            for fault in self.run.scenario.faults
        ]

    def until_ns(self, window: FaultWindow) -> int:
        """Return until when a fault was on: its undo, when it was found lost, or the end of the load."""
        lost = next((event.at_ns for event in self.events(FaultLost) if event.fault == window.fault.id), None)
        moments = (window.undo_requested_ns, window.off_ns, lost)
        return next((moment for moment in moments if moment is not None), self.load_end_ns())

    def _hit_windows(self) -> Iterator[tuple[str, str, int, int]]:
        for window in self.fault_windows():
            if isinstance(window.fault, RequestFault) and window.on_ns is not None:
                yield window.fault.edge, window.fault.id, window.on_ns, self.until_ns(window)

    def _disturbed(self) -> Iterator[tuple[str, int, int]]:
        """Say when a service may have been kept from running by a fault on it."""
        for window in self.fault_windows():
            if isinstance(window.fault, ServiceFault) and window.requested_ns is not None:
                off_ns = self.until_ns(window) if window.off_ns is None else window.off_ns
                yield window.fault.service, window.requested_ns, off_ns

    def transitions(self) -> list[tuple[int, int, bool]]:
        """Return the slots in which a fault may already, or may still (True), be on: asked for, verified.

        What was asked for and never verified is a slot without length.
        """
        slots = []
        for window in self.fault_windows():
            for asked, verified, undo in (
                (window.requested_ns, window.on_ns, False),
                (window.undo_requested_ns, window.off_ns, True),
            ):
                moments = [ns for ns in (asked, verified) if ns is not None]
                if moments:
                    slots.append((min(moments), max(moments), undo))
        return slots

    def faults_on_edge(self, edge: str, phase: str | None = None) -> list[FaultWindow]:
        """Return the faults on an edge, in one phase or in any."""
        return [w for w in self.fault_windows() if w.fault.touches(edge) and phase in (None, w.fault.phase)]

    def edges_of(self, fault: FaultBase) -> list[str]:
        """Return the edges that feel a fault."""
        return [edge.name for edge in self.run.system.edges if fault.touches(edge.name)]

    def was_starved(self) -> bool:
        """Tell whether a process of the run ever waited long for a core."""
        return bool(self.row("SELECT count(*) FROM starved")[0])

    def starved_ns(self, start_ns: int, end_ns: int) -> int:
        """Return for how long, at the most, processes had no core between two moments."""
        waited = self.row(
            "SELECT sum(least(waited_ns, ? - ?)) FROM starved WHERE from_ns < ? AND to_ns > ?",
            end_ns,
            start_ns,
            end_ns,
            start_ns,
        )[0]
        return 0 if waited is None else min(int(waited), end_ns - start_ns)

    def longest_starved_ns(self, start_ns: int, end_ns: int) -> int:
        """Return the longest that a process waited for a core within one second between two moments."""
        longest = self.row("SELECT max(waited_ns) FROM starved WHERE from_ns < ? AND to_ns > ?", end_ns, start_ns)[0]
        return 0 if longest is None else int(longest)

    def policy(self, edge: str) -> EdgePolicy | None:
        """Return what the caller says it does on an edge, if it says anything."""
        return self.run.policies.edges.get(edge)


def empty_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[Any]) -> None:
    """Create the kept tables without rows, where they do not exist yet."""
    for table in tables:
        columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")
