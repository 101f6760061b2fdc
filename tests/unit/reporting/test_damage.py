"""Whatever is left of a run, or was written into it, there is a report, and it says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from tests.history_builder import HistoryBuilder, MetricRow, ns
from tests.unit.reporting.reading import Seen
from tests.unit.reporting.runs import ALL_PASSED, healthy, result, told, verdict, with_breaker
from workbench.model.events import Event
from workbench.model.verdict import CheckResult, Limit, Outcome, Value
from workbench.reporting.junit import junit_report
from workbench.reporting.markdown import markdown_report
from workbench.reporting.page import html_page

HOUR, CENTURY = 3_600, 100 * 365 * 86_400
TABLES = ("arrivals", "journeys", "attempts", "spans", "metrics", "processes")


def words(run: HistoryBuilder, *checks: CheckResult) -> str:
    """Make all three reports, and return what the page says."""
    report = told(run, verdict(*(checks or ALL_PASSED)))
    ET.XML(junit_report(report))
    markdown = markdown_report(report)
    assert markdown.count("<details>") == markdown.count("</details>")
    seen = Seen(html_page(report))
    assert seen.open == []
    return seen.words


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_missing_is_no_data(table: str) -> None:
    """One at a time; the other parts are there."""
    run = with_breaker(healthy())
    setattr(run, table, [])
    said = words(run)
    assert "What users felt" in said
    if table not in ("processes", "spans"):
        assert "no data" in said.lower()


def test_nothing_but_the_journal() -> None:
    """All tables gone: no number is made up."""
    run = healthy()
    for table in TABLES:
        setattr(run, table, [])
    said = words(run)
    assert "no data" in said
    assert "No data: no arrivals were recorded" in said
    assert 'id="library"' not in html_page(told(run, verdict(*ALL_PASSED)))  # there is nothing to draw


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one(count: int) -> None:
    """One journey has quantiles, and no division is by zero."""
    run = healthy()
    run.journeys, run.attempts, run.spans = run.journeys[300 : 300 + count], run.attempts[:count], run.spans[:count]
    said = words(run)
    assert "What users felt" in said


@pytest.mark.parametrize("seconds", [-HOUR, CENTURY])
@pytest.mark.parametrize("what", ["spans", "journeys ended", "journal", "attempts", "metrics", "wall"])
def test_a_clock_that_jumped_costs_no_report(what: str, seconds: int) -> None:
    """Half of the times are from another time; what cannot be drawn is not drawn."""
    run = with_breaker(healthy())
    jump = ns(seconds)
    if what == "wall":
        zero = run.record.zero.model_copy(update={"wall_ns": run.record.zero.wall_ns + 90 * jump})
        run.record = run.record.model_copy(update={"zero": zero})
    elif what == "journal":
        half = len(run.journal) // 2
        moved: Callable[[Event], Event] = lambda event: event.model_copy(update={"at_ns": event.at_ns + jump})  # noqa: E731
        run.journal = [*run.journal[:half], *map(moved, run.journal[half:])]  # type: ignore[list-item]
    elif what == "metrics":
        for metric in run.metrics[::2]:
            metric.time += jump
    elif what == "attempts":
        for attempt in run.attempts[::2]:
            attempt.accepted += jump
    elif what == "spans":
        for span in run.spans[::2]:
            span.started += jump
    else:
        for journey in run.journeys[::2]:
            journey.ended += jump
    words(run)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.5, 1e300])
def test_a_breaker_state_that_is_none_is_unknown(value: float) -> None:
    """A service may say anything of itself."""
    run = with_breaker(healthy())
    run.metrics = [
        MetricRow(m.time, m.service, m.name, m.labels, value if i % 3 else m.value) for i, m in enumerate(run.metrics)
    ]
    assert "Circuit breakers" in words(run)


@pytest.mark.parametrize("labels", ["", "{", "[]", "3", '{"edge": 7}', '{"edge": "</script>"}'])
def test_labels_that_cannot_be_read_are_passed_over(labels: str) -> None:
    """They belong to no edge."""
    run = healthy()
    run.metrics.append(MetricRow(ns(9), "s", "workbench_breaker_state", labels, 1.0))
    words(run)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_called_so(number: float) -> None:
    """No bar is drawn for it."""
    for unit in ("ns", "ratio", "count", "per_call"):
        limit = Limit(comparison="at_most", number=1.0, unit=unit)
        observed = Value(number=number, unit=unit)
        said = words(healthy(), result("A16:s", Outcome.FAIL, observed=observed, limit=limit, interval=None))
        assert "not a number" in said


def test_marks_that_turn_the_direction_of_text_are_shown_as_such() -> None:
    """A name may be Hebrew or Arabic; it may not rearrange what stands beside it."""
    bad = result(
        "A16:s", Outcome.FAIL, claim="\u05e9\u05dc\u05d5\u05dd \u202eFAIL\u202c", reason="a\x00b\x1b[31m\u2066c"
    )
    report = told(healthy(), verdict(bad, title="\u202edesrever"))
    for text in (html_page(report), markdown_report(report)):
        assert "\u05e9\u05dc\u05d5\u05dd \ufffdFAIL\ufffd" in text
        assert not {"\u202e", "\u202c", "\u2066", "\x00", "\x1b"} & set(text)


def test_a_breaker_that_flaps_all_the_time_is_legible() -> None:
    """A change at every scrape becomes a few stretches; the worst state of each is shown, and open is not lost."""
    run = healthy()
    for i in range(600):
        run.metrics.append(
            MetricRow(ns(i / 10), "orders", "workbench_breaker_state", '{"edge": "orders:payments"}', float(i % 2 * 2))
        )
    report = told(run, verdict(*ALL_PASSED))
    assert report.timeline is not None
    (lane,) = report.timeline.lanes
    assert len(lane.stretches) <= 60
    assert {"open"} == {stretch.state for stretch in lane.stretches}
    assert lane.stretches[0].start_s == pytest.approx(0, abs=1.1)
    assert lane.stretches[-1].end_s == pytest.approx(60, abs=1.1)
