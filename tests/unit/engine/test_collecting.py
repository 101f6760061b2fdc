"""Raw lines become tables: every whole row, each once, with times that count from run zero on the right clock."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any

import duckdb
import pytest

from workbench.engine.collecting import Sources, clock_shifts, collect, open_tables, write_schedule
from workbench.errors import EnvironmentFailure
from workbench.model.arrivals import Schedule
from workbench.model.events import Clock
from workbench.model.tables import (
    ATTEMPTS,
    JAEGER,
    METRIC_POINTS,
    PROCESSES,
    PROMETHEUS_POINTS,
    PROMETHEUS_SERIES,
    REQUESTS,
    SERIES,
    SPANS,
    Table,
)
from workbench.rows import RowWriter

ZERO = Clock(monotonic_ns=5_000, wall_ns=1_700_000_000_000_000_000)
AWKWARD = 'a "quoted", comma\\backslash \u00fc \u2028 '


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    return tmp_path


def row(table: Table, **values: Any) -> list[Any]:
    """Return a row with a value in every column that has to have one."""
    filler: dict[str, Any] = {"VARCHAR": "x", "BIGINT": 1, "INTEGER": 1, "DOUBLE": 1.5, "BOOLEAN": False}
    plain = {c.name: None if c.optional else filler[c.type] for c in table.columns}
    assert values.keys() <= plain.keys()
    return list((plain | values).values())


def write(folder: Path, table: Table, *rows: list[Any]) -> Path:
    writer = RowWriter(folder / "raw", table)
    for one in rows:
        writer.append(one)
    writer.close()
    return folder / "raw" / f"{table.name}.csv"


def kept(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    database, problems = open_tables(folder)
    assert [] == [problem for problem in problems if "arrivals" not in problem]
    return database.execute(sql).fetchall()


def test_times_count_from_run_zero_on_the_clock_of_their_column(folder: Path) -> None:
    """Spans carry wall time, everything else the monotonic clock; before run zero is negative."""
    write(folder, REQUESTS, row(REQUESTS, intended=4_000, dispatched=5_000, started=5_001, ended=9_000))
    write(folder, SPANS, row(SPANS, started=ZERO.wall_ns - 3, ended=ZERO.wall_ns + 7))
    write(folder, ATTEMPTS, row(ATTEMPTS, accepted=6_000, first_byte=None, ended=6_500))
    assert {"requests": 1, "attempts": 1, "spans": 1, "processes": 0, "metrics": 0} == collect(folder, ZERO)
    assert [(-1_000, 0, 1, 4_000)] == kept(folder, "SELECT intended, dispatched, started, ended FROM requests")
    assert [(-3, 7)] == kept(folder, "SELECT started, ended FROM spans")
    assert [(1_000, None, 1_500)] == kept(folder, "SELECT accepted, first_byte, ended FROM attempts")


def test_awkward_text_comes_through_unchanged(folder: Path) -> None:
    attributes = json.dumps({"quote": '"', "comma": ",", "path": "C:\\x"})
    write(folder, SPANS, row(SPANS, name=AWKWARD, attributes=attributes), row(SPANS, name="plain"))
    collect(folder, ZERO)
    assert [(AWKWARD, attributes)] == kept(folder, "SELECT name, attributes FROM spans WHERE name <> 'plain'")


def test_unknown_stays_unknown_and_empty_text_stays_text(folder: Path) -> None:
    """An optional column that was not said is null; one that always has text is never null."""
    write(folder, ATTEMPTS, row(ATTEMPTS, faults="", status=None, trace_id=None))
    collect(folder, ZERO)
    assert [("", None, None)] == kept(folder, "SELECT faults, status, trace_id FROM attempts")


@pytest.mark.parametrize("torn", ["1", "1,2", '"', 'x,"half a quote', "x" * 70_000, "\0\0"])
def test_a_torn_last_line_costs_that_line_only(folder: Path, torn: str) -> None:
    path = write(folder, PROCESSES, row(PROCESSES, process="a", time=2), row(PROCESSES, process="b", time=1))
    with path.open("a") as file:
        file.write(torn)
    assert 2 == collect(folder, ZERO)["processes"]
    assert [("b",), ("a",)] == kept(folder, "SELECT process FROM processes"), "rows are in order of time"


def test_every_place_a_line_can_be_torn_at_costs_that_line_only(folder: Path) -> None:
    """Also between the quotes that stand for one quote."""
    path = write(folder, SPANS, row(SPANS), row(SPANS, name='say "hi"'))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole), 7):
        path.write_bytes(whole[:end])
        assert 1 == collect(folder, ZERO)["spans"]
    path.write_bytes(whole[: first - 1])
    assert 0 == collect(folder, ZERO)["spans"]


def test_producers_that_never_wrote_leave_empty_tables(folder: Path) -> None:
    assert {0} == set(collect(folder, ZERO).values())
    for table in ("requests", "attempts", "spans", "metrics", "processes"):
        assert [(0,)] == kept(folder, f"SELECT count(*) FROM {table}")


def test_samples_are_joined_with_their_series(folder: Path) -> None:
    """A sample whose series was torn off belongs to nothing and is not kept under another name."""
    write(folder, SERIES, row(SERIES, series=0, service="orders", name="up", labels="{}"))
    write(
        folder,
        METRIC_POINTS,
        row(METRIC_POINTS, time=6_000, series=0, value=1.0),
        row(METRIC_POINTS, time=5_500, series=0, value=float("nan")),
        row(METRIC_POINTS, time=6_000, series=1, value=2.0),
    )
    assert 2 == collect(folder, ZERO)["metrics"]
    assert [(1_000, "orders", "up", 1.0)] == kept(
        folder, "SELECT time, service, name, value FROM metrics WHERE NOT isnan(value)"
    )


def test_collecting_twice_gives_the_same(folder: Path) -> None:
    write(folder, REQUESTS, row(REQUESTS))
    assert collect(folder, ZERO) == collect(folder, ZERO)


def test_a_line_that_is_not_a_row_is_told_and_makes_no_table(folder: Path) -> None:
    """Rather than a table that is short of it."""
    path = write(folder, REQUESTS, row(REQUESTS))
    with path.open("a") as file:
        file.write("not,a,row\n")
    with pytest.raises(EnvironmentFailure, match="the tables cannot be made: "):
        collect(folder, ZERO)


def test_a_place_without_room_is_told(folder: Path) -> None:
    write(folder, REQUESTS, row(REQUESTS))
    (folder / "requests.parquet").mkdir()
    with pytest.raises(EnvironmentFailure, match="the tables cannot be made") as raised:
        collect(folder, ZERO)
    assert "free some room, or choose another folder with --reports" == raised.value.hint


def test_a_folder_with_a_quote_in_its_name_works(tmp_path: Path) -> None:
    folder = tmp_path / "it's"
    (folder / "raw").mkdir(parents=True)
    write(folder, REQUESTS, row(REQUESTS))
    assert 1 == collect(folder, ZERO)["requests"]


def test_the_schedule_is_written_for_the_load_and_for_who_judges(folder: Path) -> None:
    schedule = Schedule(("browse", "checkout"), array("q", [5, 7, 7]), array("h", [1, 0, 1]))
    write_schedule(folder, schedule)
    assert "5,1\n7,0\n7,1\n" == (folder / "raw" / "schedule.csv").read_text()
    database, _ = open_tables(folder)
    assert [(0, 5, "checkout"), (1, 7, "browse"), (2, 7, "checkout")] == database.execute(
        "SELECT arrival, intended, journey FROM arrivals"
    ).fetchall()


def test_a_schedule_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "raw" / "schedule.csv").symlink_to("/dev/full")
    schedule = Schedule(("browse",), array("q", range(10_000)), array("h", [0] * 10_000))
    with pytest.raises(EnvironmentFailure, match=r"the schedule cannot be written: .*No space left"):
        write_schedule(folder, schedule)


def test_a_table_that_cannot_be_read_is_empty_and_told(folder: Path) -> None:
    collect(folder, ZERO)
    (folder / "spans.parquet").write_bytes(b"PAR1 and nothing else")
    (folder / "requests.parquet").unlink()
    database, problems = open_tables(folder)
    assert ["arrivals", "requests", "spans"] == sorted(problem.partition(".")[0] for problem in problems)
    assert [(0,)] == database.execute("SELECT count(*) FROM spans").fetchall()


def _rewrite(folder: Path, table: str, select: str) -> None:
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE kept AS SELECT * FROM read_parquet('{folder / table}.parquet')")
        database.execute(f"COPY ({select}) TO '{folder / table}.parquet' (FORMAT parquet)")


def test_a_column_that_is_not_there_is_told_and_its_rows_can_be_read(folder: Path) -> None:
    """Whatever the order of those that are there, and whatever else is; one that may be unknown is unknown."""
    write(folder, REQUESTS, row(REQUESTS, journey="browse", ack="said", arrival=3))
    collect(folder, ZERO)
    _rewrite(folder, "requests", "SELECT 1 AS more, * EXCLUDE (ended, ack) FROM kept ORDER BY ALL")
    database, problems = open_tables(folder)
    assert ["arrivals.parquet is missing", "requests.parquet has no column ended"] == problems
    assert [("browse", 3, None, None)] == database.execute(
        "SELECT journey, arrival, ended, ack FROM requests"
    ).fetchall()


def test_values_that_must_not_be_unknown_are_told(folder: Path) -> None:
    write(folder, REQUESTS, row(REQUESTS, arrival=1), row(REQUESTS, arrival=2))
    collect(folder, ZERO)
    _rewrite(folder, "requests", "SELECT * REPLACE (CASE WHEN arrival = 1 THEN outcome END AS outcome) FROM kept")
    _, problems = open_tables(folder)
    assert ["arrivals.parquet is missing", "requests.parquet has rows without outcome"] == problems


def test_a_column_of_another_type_is_what_the_table_says_or_cannot_be_read(folder: Path) -> None:
    write(folder, REQUESTS, row(REQUESTS, arrival=7))
    collect(folder, ZERO)
    _rewrite(folder, "requests", "SELECT * REPLACE (arrival::VARCHAR AS arrival) FROM kept")
    database, _ = open_tables(folder)
    assert [(7,)] == database.execute("SELECT arrival FROM requests").fetchall()
    _rewrite(folder, "requests", "SELECT * REPLACE ('seven' AS arrival) FROM kept")
    _, problems = open_tables(folder, every_row=True)
    assert "requests.parquet cannot be read: Conversion Error" in " ".join(problems)


def test_clocks_are_compared_where_both_ends_were_read() -> None:
    start = {"plane": Clock(monotonic_ns=10, wall_ns=110), "load": Clock(monotonic_ns=0, wall_ns=0)}
    end = {"plane": Clock(monotonic_ns=30, wall_ns=135), "other": Clock(monotonic_ns=0, wall_ns=0)}
    assert {"plane": 5} == clock_shifts(start, end, end["plane"])


def test_samples_of_a_real_prometheus_have_wall_times(folder: Path) -> None:
    """Rules and alerts belong to no service, and their service is empty text."""
    write(folder, PROMETHEUS_SERIES, row(PROMETHEUS_SERIES, series=0, service="", name="ALERTS", labels="{}"))
    write(folder, PROMETHEUS_POINTS, row(PROMETHEUS_POINTS, time=ZERO.wall_ns + 7, series=0, value=1.0))
    assert 1 == collect(folder, ZERO)["prometheus"]
    assert [(7, "", "ALERTS", 1.0)] == kept(folder, "SELECT time, service, name, value FROM prometheus")


def test_metrics_and_spans_are_those_of_the_source_that_is_asked_for(folder: Path) -> None:
    write(folder, SERIES, row(SERIES, series=0, service="orders", name="ours", labels="{}"))
    write(folder, METRIC_POINTS, row(METRIC_POINTS, time=ZERO.monotonic_ns, series=0, value=1.0))
    write(folder, PROMETHEUS_SERIES, row(PROMETHEUS_SERIES, series=0, service="orders", name="theirs", labels="{}"))
    write(folder, PROMETHEUS_POINTS, row(PROMETHEUS_POINTS, time=ZERO.wall_ns, series=0, value=1.0))
    write(folder, SPANS, row(SPANS, name="ours"))
    write(folder, JAEGER, row(JAEGER, name="theirs"))
    collect(folder, ZERO)
    for sources, metrics, spans in (
        (Sources(), "ours", "ours"),
        (Sources(metrics="prometheus"), "theirs", "ours"),
        (Sources(spans="jaeger"), "ours", "theirs"),
    ):
        database, problems = open_tables(folder, sources)
        assert [] == [problem for problem in problems if "arrivals" not in problem]
        assert [(metrics,)] == database.execute("SELECT name FROM metrics").fetchall()
        assert [(spans,)] == database.execute("SELECT name FROM spans").fetchall()


def test_runs_of_before_there_were_tools_miss_nothing(folder: Path) -> None:
    collect(folder, ZERO)
    for name in ("prometheus", "jaeger"):
        (folder / f"{name}.parquet").unlink()
    database, problems = open_tables(folder)
    assert ["arrivals.parquet is missing"] == problems
    assert [(0,)] == database.execute("SELECT count(*) FROM prometheus").fetchall()
    _, problems = open_tables(folder, Sources(metrics="prometheus"))
    assert "prometheus.parquet is missing" in problems


def test_clocks_of_another_machine_are_apart_from_ours_even_if_they_move_together() -> None:
    theirs = Clock(monotonic_ns=10, wall_ns=5_000)
    later = Clock(monotonic_ns=110, wall_ns=5_100)
    ours = Clock(monotonic_ns=2_110, wall_ns=5_101)
    assert {"plane": 1_999} == clock_shifts({"plane": theirs}, {"plane": later}, ours)
