"""Hand-written histories: rows as plain objects that a test may change, then `build()` makes a History of them.

Times are given in seconds since run zero and kept in ns. Column order is that of workbench.model.tables.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from workbench.model.audit import Audit
from workbench.model.events import AnyEvent, Event, FaultOff, LoadStopped
from workbench.model.history import History, empty_tables
from workbench.model.run import RunRecord
from workbench.model.tables import KEPT_TABLES

E = TypeVar("E", bound=Event)

AS_THERE_ARE = -1
"""In the journal, instead of a number of journeys or hits: as many as the rows say when the history is built."""


def ns(seconds: float) -> int:
    """Seconds to ns."""
    return round(seconds * 1_000_000_000)


@dataclass(slots=True)
class ArrivalRow:
    arrival: int
    intended: int
    journey: str


@dataclass(slots=True)
class JourneyRow:
    """A row of `requests` of kind journey."""

    kind: str
    arrival: int
    journey: str
    name: str
    intended: int
    dispatched: int
    started: int
    ended: int
    status: int | None = None
    outcome: str = "ok"
    error: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    ack: str | None = None

    def lasts(self, seconds: float) -> None:
        """Make it last so long from its intended start."""
        self.ended = self.intended + ns(seconds)


@dataclass(slots=True)
class AttemptRow:
    edge: str
    ordinal: int
    decisions: str
    faults: str
    accepted: int
    first_byte: int | None
    ended: int
    method: str | None = "POST"
    path: str | None = "/v1/captures"
    status: int | None = 200
    end_reason: str = "complete"
    delay_ns: int = 0
    bytes_in: int = 200
    bytes_out: int = 300
    trace_id: str | None = None
    parent_span_id: str | None = None
    canary: bool = False


@dataclass(slots=True)
class SpanRow:
    trace_id: str
    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str
    started: int
    ended: int
    status: str = "unset"
    edge: str | None = None
    call_id: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    fallback: str | None = None
    attributes: str = "{}"
    events: str | None = None


@dataclass(slots=True)
class MetricRow:
    time: int
    service: str
    name: str
    labels: str
    value: float


@dataclass(slots=True)
class ProcessRow:
    time: int
    process: str
    pid: int
    cpu_s: float
    rss_bytes: int = 50_000_000
    waited_s: float | None = 0.0


@dataclass
class HistoryBuilder:
    """A run directory in memory. Everything in it may be changed before `build`."""

    record: RunRecord
    journal: list[AnyEvent] = field(default_factory=list)
    arrivals: list[ArrivalRow] = field(default_factory=list)
    journeys: list[JourneyRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    spans: list[SpanRow] = field(default_factory=list)
    metrics: list[MetricRow] = field(default_factory=list)
    prometheus: list[MetricRow] = field(default_factory=list)
    processes: list[ProcessRow] = field(default_factory=list)
    audits_before: dict[str, Audit] = field(default_factory=dict)
    audits_after: dict[str, Audit] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    _ids: int = 0

    # -- rows -----------------------------------------------------------------------------------------

    def id(self, digits: int = 16) -> str:
        """Return a new hex id."""
        self._ids += 1
        return f"{self._ids:0{digits}x}"

    def journey(self, journey: str, at_s: float, lasts_s: float, **columns: Any) -> JourneyRow:
        """Add an arrival and its journey."""
        number, intended = len(self.arrivals), ns(at_s)
        self.arrivals.append(ArrivalRow(number, intended, journey))
        columns.setdefault("trace_id", self.id(32))
        row = JourneyRow(
            "journey",
            number,
            journey,
            journey,
            intended,
            intended,
            intended,
            intended + ns(lasts_s),
            **columns,
        )
        self.journeys.append(row)
        return row

    def span(self, trace_id: str, parent: str | None, service: str, at_s: float, lasts_s: float, **columns: Any) -> str:
        """Add a span and return its id."""
        span_id = self.id()
        started = ns(at_s)
        columns.setdefault("name", "span")
        columns.setdefault("kind", "internal")
        self.spans.append(
            SpanRow(trace_id, span_id, parent, service, started=started, ended=started + ns(lasts_s), **columns)
        )
        return span_id

    def call(
        self, edge: str, trace_id: str, parent: str | None, at_s: float, lasts_s: float, *, outcome: str = "ok"
    ) -> SpanRow:
        """Add the span of a logical call; it may be changed."""
        caller = edge.split(":", maxsplit=1)[0]
        self.span(trace_id, parent, caller, at_s, lasts_s, name="call", edge=edge, call_id=self.id(), outcome=outcome)
        return self.spans[-1]

    def attempt(self, call: SpanRow, at_s: float, lasts_s: float, *, number: int = 1, **columns: Any) -> AttemptRow:
        """Add an attempt of a call as both sides saw it: the caller's span, and the plane's row."""
        assert call.edge is not None
        outcome = columns.pop("outcome", "ok")
        span_id = self.span(
            call.trace_id,
            call.span_id,
            call.service,
            at_s,
            lasts_s,
            name="attempt",
            kind="client",
            edge=call.edge,
            call_id=call.call_id,
            attempt=number,
            outcome=outcome,
        )
        return self.plane_row(call.edge, at_s, lasts_s, trace_id=call.trace_id, parent_span_id=span_id, **columns)

    def plane_row(self, edge: str, at_s: float, lasts_s: float, **columns: Any) -> AttemptRow:
        """Add what the plane saw of one request; without a trace nobody knows whose it was."""
        fault = columns.pop("fault", None)
        if fault is not None:
            ordinal = sum(f"{fault}=" in row.decisions for row in self.attempts)
            columns |= {"faults": fault, "decisions": f"{fault}={ordinal}+"}
        columns = {"faults": "", "decisions": "", "first_byte": None} | columns
        row = AttemptRow(
            edge,
            sum(row.edge == edge for row in self.attempts) if fault is not None else len(self.attempts),
            accepted=ns(at_s),
            ended=ns(at_s) + ns(lasts_s),
            **columns,
        )
        self.attempts.append(row)
        return row

    # -- journal --------------------------------------------------------------------------------------

    def first(self, kind: type[E]) -> E:
        """Return the first event of a kind."""
        return next(event for event in self.journal if isinstance(event, kind))

    def replace(self, kind: type[Event], **changes: Any) -> None:
        """Change all events of a kind."""
        self.journal = [e.model_copy(update=changes) if isinstance(e, kind) else e for e in self.journal]

    def drop(self, *kinds: type[Event]) -> None:
        """Remove all events of some kinds."""
        self.journal = [event for event in self.journal if not isinstance(event, kinds)]

    def _counted(self, event: AnyEvent) -> AnyEvent:
        """Put numbers in for `AS_THERE_ARE`."""
        match event:
            case LoadStopped(journeys=number) if number == AS_THERE_ARE:
                return event.model_copy(update={"journeys": len(self.journeys)})
            case FaultOff(fault=fault, counts=counts) if AS_THERE_ARE in counts.values():
                seen = {name: _seen_in(self.attempts, fault, name) for name in counts}
                return event.model_copy(update={"counts": seen})
        return event

    # -- reading --------------------------------------------------------------------------------------

    def in_phase(self, phase: str, journey: str | None = None) -> list[JourneyRow]:
        """Return the journeys that begin in a phase, by the journal's own times."""
        start = next(e.at_ns for e in self.journal if e.event == "phase_started" and e.phase == phase)
        end = next(e.at_ns for e in self.journal if e.event == "phase_ended" and e.phase == phase)
        return [j for j in self.journeys if start <= j.intended < end and journey in (None, j.journey)]

    def on_edge(self, edge: str, *, hit: bool | None = None) -> list[AttemptRow]:
        """Return the attempts on an edge."""
        return [a for a in self.attempts if a.edge == edge and hit in (None, bool(a.faults))]

    def build(self) -> History:
        """Make the History."""
        connection = duckdb.connect(config={"threads": 1})
        empty_tables(connection, KEPT_TABLES)
        tables: dict[str, Sequence[Any]] = {
            "arrivals": self.arrivals,
            "requests": self.journeys,
            "attempts": self.attempts,
            "spans": self.spans,
            "metrics": self.metrics,
            "prometheus": self.prometheus,
            "processes": self.processes,
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in tables.items():
                _load(connection, name, rows, Path(folder) / f"{name}.csv")
        return History(
            run=self.record,
            journal=tuple(sorted(map(self._counted, self.journal), key=lambda event: event.at_ns)),
            audits_before=self.audits_before,
            audits_after=self.audits_after,
            connection=connection,
            problems=self.problems,
        )


def _seen_in(attempts: Iterable[AttemptRow], fault: str, name: str) -> int:
    """Count the attempts that were eligible for a fault, or hit by it."""
    ends = {"eligible": "+-", "hit": "+"}[name]
    return sum(
        decision.startswith(f"{fault}=") and decision[-1] in ends
        for attempt in attempts
        if not attempt.canary
        for decision in attempt.decisions.split()
    )


def _load(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Any], file: Path) -> None:
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        for row in rows:
            values = (getattr(row, column.name) for column in fields(row))
            writer.writerow(["\\N" if value is None else value for value in values])
    connection.execute(f"COPY {table} FROM '{file}' (FORMAT csv, HEADER false, NULLSTR '\\N', AUTO_DETECT false)")
