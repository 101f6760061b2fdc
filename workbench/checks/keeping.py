"""V4: the run directory is the whole record of one run, by what the journal and the producers of rows say themselves.

What is held against files (size, digest, columns, number of rows) is found on opening them: it is then a problem of
the history, which V4 names too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.checks import wording
from workbench.model.events import (
    CleanVerified,
    Collected,
    Event,
    FaultLost,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    RunEnded,
    RunStarted,
    Settled,
)
from workbench.model.history import History
from workbench.model.tables import ATTEMPTS, JAEGER, METRIC_POINTS, PROCESSES, PROMETHEUS, REQUESTS, SERIES, SPANS
from workbench.model.tools import Tool
from workbench.model.units import NS_PER_MS

CLOCK_SHIFT_NS = 50 * NS_PER_MS
"""How far a process's clocks may move apart."""

_ONCE: tuple[type[Event], ...] = (RunStarted, LoadStarted, LoadStopped, Settled, CleanVerified, RunEnded)
"""What every run goes through once, also one that a guard ended."""

_COLLECTORS = (SPANS, SERIES, METRIC_POINTS, PROCESSES)
_TOOLS = {Tool.PROMETHEUS: PROMETHEUS, Tool.JAEGER: JAEGER}

_JOURNEYS = "SELECT count(*) FROM requests WHERE kind = 'journey' AND arrival >= 0"

# Spans have wall times, and the wall clock may be set back a little meanwhile.
_BACKWARDS = {
    "journey": "requests WHERE kind = 'journey'"
    " AND NOT (intended <= dispatched AND dispatched <= started AND started <= ended)",
    "attempt": "attempts WHERE ended < accepted",
    "span": f"spans WHERE ended < started - {CLOCK_SHIFT_NS}",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question: what is wrong, or, if nothing is, what was seen."""

    wrong: list[str]
    seen: str


def producers(history: History) -> list[str]:
    """Return who wrote rows of this run and has clocks of its own: the load, and those who record."""
    return ["load", *(["faultproxy"] if history.run.fault_plane.records_attempts else []), "collector"]


def journal_whole(history: History) -> Finding:
    """The journal is of this run, and has what every run goes through, each phase and each fault to its end."""
    wrong = []
    for kind in _ONCE:
        times = len(history.events(kind))
        if times != 1:
            name = kind.model_fields["event"].default
            wrong.append(f"the journal says {name} {times} times" if times else f"the journal has no {name}")
    other = [event.run_id for event in history.events(RunStarted) if event.run_id != history.run.run_id]
    if other:
        wrong.append(f"the journal is of run {other[0]}, run.json of {history.run.run_id}")
    ended = {event.phase for event in history.events(PhaseEnded)}
    open_ = [window.name for window in history.phases() if window.name not in ended]
    if open_:
        wrong.append(f"the journal does not say that {wording.listed(open_)} ended")
    return Finding([*wrong, *_faults_untold(history)], "the journal goes to its end")


def _faults_untold(history: History) -> Iterator[str]:
    """Say which moments of a fault that was on are not in the journal. One that ended by itself has no end there."""
    lost = {event.fault for event in history.events(FaultLost)}
    for window in history.fault_windows():
        if window.on_ns is None:
            continue
        moments = {"asked for": window.requested_ns}
        if window.fault.id not in lost:
            moments |= {"asked to be undone": window.undo_requested_ns, "verified to be off": window.off_ns}
        missing = [text for text, at_ns in moments.items() if at_ns is None]
        if missing:
            yield f"the journal does not say when {window.fault.id} was {wording.listed(missing)}"


def rows_whole(history: History) -> Finding:
    """No producer lost rows, each of them said so, and they were collected at all."""
    events = history.events(Collected)
    if not events:
        return Finding(["telemetry was not collected: the run ended before that"], "")
    dropped = {table: n for event in events for table, n in event.dropped.items()}
    wrong = [f"{wording.count(n, 'row')} of {table} lost" for table, n in dropped.items() if n]
    untold = [table for table in _written(history) if table not in dropped]
    if untold:
        wrong.append(f"nobody said whether rows of {wording.listed(untold)} were lost")
    silent = sorted({name for event in events for name in event.untold})
    if silent:
        wrong.append(f"{wording.listed(silent)} did not say how many rows were written")
    return Finding([*wrong, *_journeys_missing(history)], "no row lost")


def _written(history: History) -> list[str]:
    """Return the tables that producers of this run wrote."""
    tables = [REQUESTS, *([ATTEMPTS] if history.run.fault_plane.records_attempts else []), *_COLLECTORS]
    return [table.name for table in (*tables, *(t for tool, t in _TOOLS.items() if tool in history.run.tools))]


def _journeys_missing(history: History) -> Iterator[str]:
    """Hold the journeys that the load says it began against those that are there."""
    (kept,) = history.row(_JOURNEYS)
    for event in history.events(LoadStopped):
        if event.journeys is None:
            yield "the load did not say how many journeys it began: those that would not end may be missing"
        elif event.journeys != kept:
            yield f"the load began {wording.count(event.journeys, 'journey')}, and {kept} are there"


def rows_sound(history: History) -> Finding:
    """Nothing ended before it began."""
    found = {what: history.row(f"SELECT count(*) FROM {rows}")[0] for what, rows in _BACKWARDS.items()}
    return Finding(
        [f"{wording.count(n, what)} ended before it began" for what, n in found.items() if n],
        "nothing ended before it began",
    )
