"""The live page shows the numbers that the report will show: both are made of the same rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.histories import END, FAULT, ON, UNDO, healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.reporting.runs import verdict
from tests.written_run import WrittenRun
from workbench.collector.live.breakers_seen import BreakersSeen
from workbench.collector.live.run_seen import RunSeen
from workbench.model.events import Clock
from workbench.pages.charts import chart_data
from workbench.reporting.report import gather


def followed(tmp_path: Path, run: HistoryBuilder, *, steps: int) -> tuple[WrittenRun, RunSeen]:
    """Follow a whole run that is written in so many steps."""
    written = WrittenRun(tmp_path, run)
    seen = RunSeen(written.folder)
    for step in range(steps + 1):
        written.go_on(END * step / steps + (10 if step == steps else 0))
        seen.follow()
        if step == 0:
            for row in written.spans():
                seen.span(row)
    seen.follow()
    return written, seen


def charts(seen: RunSeen) -> dict[str, Any]:
    told = seen.charts(BreakersSeen())
    assert told is not None
    return told


def began(run: HistoryBuilder, seconds_ago: float) -> HistoryBuilder:
    """Let the run have begun so long ago."""
    zero = Clock(monotonic_ns=time.monotonic_ns() - ns(seconds_ago), wall_ns=time.time_ns() - ns(seconds_ago))
    run.record = run.record.model_copy(update={"zero": zero})
    return run


@pytest.mark.parametrize("steps", [1, 7, 83])
def test_the_charts_of_a_run_that_is_over_are_those_of_its_report(tmp_path: Path, steps: int) -> None:
    """Each value of each series, however the rows arrived."""
    run = healthy()
    for journey in run.journeys[::9]:
        journey.outcome = "failed"
    for number, journey in enumerate(run.journeys):
        journey.lasts(0.0123 + (number * 7919 % 1000) / 311)
    _, seen = followed(tmp_path, run, steps=steps)
    report = gather(run.build(), verdict())
    assert report.timeline is not None

    expected = {chart.id: chart_data(chart) for chart in report.timeline.charts if not chart.id.startswith("per-call")}
    told = charts(seen)
    found = {chart["id"]: {key: chart[key] for key in expected[chart["id"]]} for chart in told["charts"]}
    assert expected == found
    assert [(band.name, band.start_s, band.end_s) for band in report.timeline.bands] == [
        (name, start, end) for name, _, start, end, _ in told["phases"]
    ]
    assert [(f.id, f.asked_s, f.on_s, f.undo_s, f.off_s) for f in report.timeline.faults] == [
        tuple(fault[:5]) for fault in told["faults"]
    ]
    assert (report.timeline.axis.end_ns, report.timeline.axis.slots) == (round(told["end"] * 1e9), told["slots"])


def test_what_is_not_known_yet_has_no_value(tmp_path: Path) -> None:
    """Slots that are to come, and the one that is going on; the schedule is known to its end."""
    run = began(healthy(), seconds_ago=30.5)
    written = WrittenRun(tmp_path, run)
    seen = RunSeen(written.folder)
    written.go_on(30.5)
    seen.follow()

    told = charts(seen)
    assert "running" == seen.state
    lines = {label: values for chart in told["charts"] for label, _, _, values in chart["series"]}
    assert all(value is None for value in lines["achieved"][31:])
    assert all(value is not None for value in lines["achieved"][:30])
    assert all(value is not None for value in lines["planned"])


def test_journeys_that_have_not_ended_are_told(tmp_path: Path) -> None:
    """What is drawn since then may still change."""
    run = began(healthy(), seconds_ago=30.5)
    for journey in run.journeys:
        if journey.intended >= ns(ON) and journey.journey == "checkout":
            journey.lasts(1_000)
    written = WrittenRun(tmp_path, run)
    seen = RunSeen(written.folder)
    written.go_on(30.5)
    seen.follow()

    assert int(ON) <= charts(seen)["settled"] <= ON + 1
    assert seen.now()["under_way"] >= 10


def test_a_fault_is_waited_for_asked_for_on_undone_and_off(tmp_path: Path) -> None:
    """As far as the journal tells, and no further."""
    run = healthy()
    written = WrittenRun(tmp_path, run)
    seen = RunSeen(written.folder)
    states = []
    for moment in (1.0, 23.0, ON, UNDO, END):
        written.go_on(moment)
        seen.follow()
        states.append(seen.now()["faults"].get(FAULT, "waiting"))
    assert ["waiting", "asked", "on", "undoing", "off"] == states


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    """A reader in the middle of a write, a damaged journal: what is whole counts, and nothing fails."""
    run = healthy()
    written = WrittenRun(tmp_path, run)
    seen = RunSeen(written.folder)
    written.go_on(10)
    whole = sum(journey.ended <= ns(10) for journey in run.journeys)
    written.append("requests.csv", 'journey,1,browse\njourney,x,y\n"\nnonsense\njourney,99')
    written.append("attempts.csv", "orders:payments,1\n\n")
    with (written.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "unheard of"}\nnot json\n{"event": "phase_sta')
    seen.follow()
    assert whole == seen.now()["journeys"]


def test_rows_of_a_plane_in_a_container_are_found_where_it_writes_them(tmp_path: Path) -> None:
    """They come into the run directory only when the run is over; what was read goes on to be counted."""
    run = healthy()
    written = WrittenRun(tmp_path, run)
    apart = tmp_path / "recordings" / written.folder.name
    apart.mkdir(parents=True)
    seen = RunSeen(written.folder, tmp_path / "recordings")
    written.go_on(END + 10)
    (written.raw / "attempts.csv").rename(apart / "attempts.csv")
    seen.follow()
    (apart / "attempts.csv").rename(written.raw / "attempts.csv")
    seen.follow()
    (chart,) = [chart for chart in charts(seen)["charts"] if chart["id"] == "attempts-orders-payments"]
    (attempts,) = [values for label, _, _, values in chart["series"] if label == "attempts"]
    assert sum(value or 0 for value in attempts) > 0.9 * len(run.on_edge("orders:payments"))


def test_a_run_that_has_not_begun_is_being_prepared(tmp_path: Path) -> None:
    """run.json says what is tried; there is no time axis without run zero."""
    written = WrittenRun(tmp_path, healthy())
    seen = RunSeen(written.folder)
    seen.follow()
    assert "preparing" == seen.state
    assert "latency-spike" == seen.facts()["scenario"]
    assert seen.charts(BreakersSeen()) is None


def test_a_run_that_is_over_holds_no_file(tmp_path: Path) -> None:
    """And is not read again."""
    written, seen = followed(tmp_path, healthy(), steps=3)
    assert seen.quiet
    open_files = [path.resolve() for path in Path("/proc/self/fd").iterdir() if path.exists()]
    assert not [path for path in open_files if written.folder in path.parents]


def test_memory_does_not_grow_with_the_number_of_journeys(tmp_path: Path) -> None:
    """Slots that are settled are three numbers."""
    _, seen = followed(tmp_path, healthy(), steps=20)
    assert seen._load is not None
    assert charts(seen)["slots"] > 50
    assert len(seen._load._spread) <= 1
