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
    ARRIVALS,
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


def differences(written: Mapping[str, int], kept: Mapping[str, int]) -> dict[str, int]:
    """Return by table how many rows its producer wrote beyond those that were kept, where it is not the same number."""
    rows = dict.fromkeys((table.name for table in OF_TOOLS), 0) | dict(kept)
    made = {METRICS.name if name == METRIC_POINTS.name else name: number for name, number in written.items()}
    return {name: number - rows[name] for name, number in made.items() if name in rows and number != rows[name]}


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
            missing, empty = _view(database, table, file)
            if every_row:
                database.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {table.name}").fetchall()
        except duckdb.Error as error:
            missing, empty = [], []
            if file.exists() or table not in OF_TOOLS:
                problems.append(_unreadable(file, error))
            columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            database.execute(f"DROP VIEW IF EXISTS {table.name}; CREATE TABLE {table.name} ({columns})")
        problems += [f"{file.name} has no column {name}" for name in missing]
        problems += [f"{file.name} has rows without {name}" for name in empty]
    return database, problems


def _view(database: duckdb.DuckDBPyConnection, table: Table, file: Path) -> tuple[list[str], list[str]]:
    """Make a file readable as a table, by the names of its columns.

    Return those of them that must not be missing: the ones that are not there, and the ones that are not in every row.
    """
    source = f"read_parquet({_text(file)})"
    there = {name for name, *_ in database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    columns = ", ".join(
        f'CAST("{column.name}" AS {column.type}) AS "{column.name}"'
        if column.name in there
        else f'CAST(NULL AS {column.type}) AS "{column.name}"'
        for column in table.columns
    )
    database.execute(f"CREATE VIEW {table.name} AS SELECT {columns} FROM {source}")
    found = database.execute(
        f"""SELECT path_in_schema FROM parquet_metadata({_text(file)})
            GROUP BY path_in_schema HAVING sum(stats_null_count) > 0"""  # from the statistics: no row is read
    ).fetchall()
    with_gaps = {name for (name,) in found}
    needed = [column.name for column in table.columns if not column.optional]
    return [name for name in needed if name not in there], [name for name in needed if name in with_gaps]


def differing_rows(database: duckdb.DuckDBPyConnection, folder: Path, collected: Mapping[str, int]) -> list[str]:
    """Say which tables do not have as many rows as were collected. What cannot be read is told on opening it."""
    wrong = []
    for table in KEPT_TABLES:
        file = folder / f"{table.name}.parquet"
        if table is ARRIVALS or not file.exists():
            continue
        try:
            (rows,) = database.execute(f"SELECT count(*) FROM read_parquet({_text(file)})").fetchall()[0]
        except duckdb.Error:
            continue
        if table.name in collected or table in OF_TOOLS:
            expected = collected[table.name] if table.name in collected else 0
            if rows != expected:
                wrong.append(f"{file.name} has {rows} rows, and {expected} were collected")
        else:
            wrong.append(f"nobody said how many rows of {table.name} were collected")
    return wrong


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
