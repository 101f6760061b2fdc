"""Raw CSV lines of the producers -> Parquet, with all times in ns since run zero. Bounded memory, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from workbench.errors import EnvironmentFailure
from workbench.model.arrivals import Schedule
from workbench.model.events import Clock
from workbench.model.tables import (
    ATTEMPTS,
    JAEGER,
    KEPT_TABLES,
    METRIC_POINTS,
    METRICS,
    OF_TOOLS,
    PROCESSES,
    PROMETHEUS,
    PROMETHEUS_POINTS,
    PROMETHEUS_SERIES,
    REQUESTS,
    SERIES,
    SPANS,
    Column,
    Table,
)

MEMORY_LIMIT = "512MB"
_PARQUET = "(FORMAT parquet, COMPRESSION zstd)"


def write_schedule(folder: Path, schedule: Schedule) -> None:
    """Save the planned arrivals: as CSV for the load child, as Parquet for whoever judges."""
    raw = folder / "raw"
    names = ", ".join(f"'{name}'" for name in schedule.journeys)
    with _told("the schedule cannot be written"), _database(folder) as database:
        with (raw / "schedule.csv").open("w", encoding="ascii") as file:
            for intended, journey in zip(schedule.intended, schedule.journey, strict=True):
                file.write(f"{intended},{journey}\n")
        database.execute(
            f"""COPY (SELECT row_number() OVER () - 1 AS arrival, intended, list_value({names})[journey + 1] AS journey
                FROM read_csv({_text(raw / "schedule.csv")}, header = false, parallel = false,
                              columns = {{'intended': 'BIGINT', 'journey': 'INTEGER'}}))
                TO {_text(folder / "arrivals.parquet")} {_PARQUET}"""
        )


def collect(folder: Path, zero: Clock) -> dict[str, int]:
    """Turn `raw/` into the Parquet tables and return rows by table. Torn last lines are dropped.

    A table whose raw file is missing becomes an empty table: its producer never wrote a row. Empty ones of tools that
    were not there are not counted.
    Raises EnvironmentFailure if the tables cannot be made.
    """
    raw = folder / "raw"
    counts: dict[str, int] = {}
    with _told("the tables cannot be made"), _database(folder) as database:
        for table in (REQUESTS, ATTEMPTS, SPANS, PROCESSES, JAEGER):
            _load(database, raw, table)
            counts[table.name] = _save(database, folder, table, _select(table, zero), table.name)
        for table, series, points, zero_ns in (
            (METRICS, SERIES, METRIC_POINTS, zero.monotonic_ns),
            (PROMETHEUS, PROMETHEUS_SERIES, PROMETHEUS_POINTS, zero.wall_ns),
        ):
            _load(database, raw, series)
            _load(database, raw, points)
            counts[table.name] = _save(
                database,
                folder,
                table,
                f"p.time - {zero_ns} AS time, coalesce(s.service, '') AS service, s.name, s.labels, p.value",
                f"{points.name} p JOIN {series.name} s USING (series)",
            )
    unused = {table.name for table in OF_TOOLS if not counts[table.name]}
    return {name: count for name, count in counts.items() if name not in unused}


@dataclass(frozen=True, slots=True)
class Sources:
    """From whom metrics and spans are taken: the embedded collector, or the real tool that stood beside it."""

    metrics: Literal["collector", "prometheus"] = "collector"
    spans: Literal["collector", "jaeger"] = "collector"

    def file(self, table: Table) -> str:
        """Return the name of the file that a table is read from."""
        if table is METRICS and self.metrics == "prometheus":
            return PROMETHEUS.name
        if table is SPANS and self.spans == "jaeger":
            return JAEGER.name
        return table.name


COLLECTED = Sources()
"""What the workbench has collected itself."""


def open_tables(
    folder: Path, sources: Sources = COLLECTED, *, every_row: bool = False
) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """Return an in-memory database with a view per kept table, and what could not be read.

    A missing or unreadable file becomes an empty table and a problem; with `every_row` also one that turns out to be
    damaged further in.
    """
    database = duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "threads": 2, "temp_directory": str(folder / ".spill")}
    )
    problems = []
    for table in KEPT_TABLES:
        file = folder / f"{sources.file(table)}.parquet"
        try:
            database.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet({_text(file)})")
            if every_row:
                database.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {table.name}").fetchall()
        except duckdb.Error as error:
            if file.exists() or table not in OF_TOOLS:
                problems.append(_unreadable(file, error))
            columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            database.execute(f"DROP VIEW IF EXISTS {table.name}; CREATE TABLE {table.name} ({columns})")
    return database, problems


def _unreadable(file: Path, error: duckdb.Error) -> str:
    if not file.exists():
        return f"{file.name} is missing"
    return f"{file.name} cannot be read: " + str(error).splitlines()[0].replace(str(file), file.name)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what a full disk, or a file that is not as it has to be, keeps from being done."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise EnvironmentFailure(
            f"{what}: {str(error).splitlines()[0]}",
            hint="free some room, or choose another folder with --reports",
        ) from error


def _database(folder: Path) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 2,
        "temp_directory": str(folder / "raw" / "spill"),
    }
    return duckdb.connect(config=settings)


def _load(database: duckdb.DuckDBPyConnection, raw: Path, table: Table) -> None:
    """Make a raw file readable under the table's name."""
    file = raw / f"{table.name}.csv"
    columns = ", ".join(f"'{column.name}': '{column.type}'" for column in table.columns)
    if not file.exists() or not _whole_lines(file):
        fields = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        database.execute(f"CREATE TABLE {table.name} ({fields})")
        return
    database.execute(
        f"""CREATE VIEW {table.name} AS SELECT * FROM read_csv({_text(file)}, header = false, quote = '"', escape = '"',
            delim = ',', new_line = '\\n', columns = {{{columns}}}, auto_detect = false, max_line_size = 16777216)"""
    )


def _whole_lines(file: Path) -> bool:
    """Cut a torn last line off; tell whether anything is left."""
    with file.open("rb+") as content:
        end = content.seek(0, 2)
        position = end
        while position > 0:
            step = min(65_536, position)
            content.seek(position - step)
            at = content.read(step).rfind(b"\n")
            if at >= 0:
                keep = position - step + at + 1
                break
            position -= step
        else:
            keep = 0
        if keep < end:
            content.truncate(keep)
    return keep > 0


def _select(table: Table, zero: Clock) -> str:
    return ", ".join(_column(column, zero) for column in table.columns)


def _column(column: Column, zero: Clock) -> str:
    match column.clock:
        case "monotonic":
            return f'"{column.name}" - {zero.monotonic_ns} AS "{column.name}"'
        case "wall":
            return f'"{column.name}" - {zero.wall_ns} AS "{column.name}"'
        case None if column.optional or column.type != "VARCHAR":
            return f'"{column.name}"'
        case None:
            return f'coalesce("{column.name}", \'\') AS "{column.name}"'


def _save(database: duckdb.DuckDBPyConnection, folder: Path, table: Table, columns: str, source: str) -> int:
    target = folder / f"{table.name}.parquet"
    order = next(column.name for column in table.columns if column.clock is not None)
    answer = database.execute(
        f"COPY (SELECT {columns} FROM {source} ORDER BY {order}) TO {_text(target)} {_PARQUET}"
    ).fetchall()
    return int(answer[0][0])


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def clock_shifts(start: Mapping[str, Clock], end: Mapping[str, Clock], ours: Clock) -> dict[str, int]:
    """Return, by process, how far its clocks have moved against each other, or are apart from ours at the end.

    The larger one counts. Processes of this machine share its clocks; those in a virtual machine may have others.
    """
    shifts = {}
    for name, first in start.items():
        if name in end:
            last = _offset(end[name])
            shifts[name] = max(last - _offset(first), last - _offset(ours), key=abs)
    return shifts


def _offset(clock: Clock) -> int:
    return clock.wall_ns - clock.monotonic_ns
