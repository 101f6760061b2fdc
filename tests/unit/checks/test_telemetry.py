"""V4: what is missing from the telemetry decides the run, whatever else was seen."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, END, healthy
from tests.history_builder import HistoryBuilder, MetricRow, ns
from tests.unit.checks.asking import result
from workbench.model.events import Collected
from workbench.model.verdict import NoData, Outcome

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE


def v4(run: HistoryBuilder) -> tuple[Outcome, str]:
    seen = result(run, "V4")
    return seen.outcome, seen.reason


def test_complete_telemetry_passes_and_says_what_was_there() -> None:
    outcome, reason = v4(healthy())
    assert outcome is PASS
    assert "633 of 633 attempts of traced callers have a span" in reason


def test_a_service_that_was_never_scraped_is_named() -> None:
    run = healthy()
    run.metrics = [m for m in run.metrics if m.service != "orders"]
    assert v4(run) == (INCONCLUSIVE, "service orders was never scraped")


def test_a_service_that_was_not_scraped_after_the_load_is_named() -> None:
    run = healthy()
    run.metrics = [m for m in run.metrics if m.service != "orders" or m.time <= ns(END)]
    assert v4(run) == (INCONCLUSIVE, "service orders was not scraped after the load had ended")


def test_a_scrape_that_failed_is_no_scrape() -> None:
    run = healthy()
    for metric in run.metrics:
        if metric.service == "orders" and metric.name == "up" and metric.time > ns(END):
            metric.value = 0.0
    assert v4(run)[0] is INCONCLUSIVE


@pytest.mark.parametrize(("missing", "outcome"), [(6, PASS), (7, INCONCLUSIVE)])
def test_scrapes_have_to_cover_nine_tenths_of_the_load(missing: int, outcome: Outcome) -> None:
    """Of 63.1 s, 6 missing scrapes leave 5.5 s without an answer (8.7 %), 7 leave 6.5 s (10.3 %)."""
    run = healthy()
    run.metrics = [m for m in run.metrics if m.service != "front" or not ns(10) < m.time < ns(10 + missing)]
    assert v4(run)[0] is outcome


def test_scrapes_that_waver_around_the_full_second_cover_all_of_it() -> None:
    """Answers at 9.99 s, 11.01 s, 11.99 s: a second apart, though the seconds 10 and 12 of the clock have none."""
    run = healthy()
    for metric in run.metrics:
        metric.time = metric.time // 1_000_000_000 * 1_000_000_000 + ns(-0.01 if metric.time // 10**9 % 2 else 0.01)
    assert "over 100 % of the load" in v4(run)[1]


def test_a_dropped_span_leaves_the_run_undecided() -> None:
    run = healthy()
    for metric in run.metrics:
        if metric.name == "workbench_spans_dropped_total" and metric.service == "orders" and metric.time > ns(40):
            metric.value = 3.0
    assert v4(run) == (INCONCLUSIVE, "service orders dropped 3 spans")


def test_spans_dropped_in_an_earlier_run_do_not_count() -> None:
    run = healthy()
    for metric in run.metrics:
        if metric.name == "workbench_spans_dropped_total":
            metric.value = 12.0
    assert v4(run)[0] is PASS


def test_a_service_without_a_drop_counter_is_not_accused() -> None:
    run = healthy()
    run.metrics = [m for m in run.metrics if m.name == "up"]
    assert v4(run)[0] is PASS


def test_lost_rows_leave_the_run_undecided() -> None:
    run = healthy()
    run.replace(Collected, dropped={"attempts": 2, "spans": 0})
    assert v4(run) == (INCONCLUSIVE, "2 rows of attempts lost")


def test_a_run_that_was_never_collected_is_undecided() -> None:
    run = healthy()
    run.drop(Collected)
    assert "not collected" in v4(run)[1]


@pytest.mark.parametrize(("shift_ms", "outcome"), [(50, PASS), (-50, PASS), (51, INCONCLUSIVE), (-51, INCONCLUSIVE)])
def test_clocks_may_move_50_ms_apart(shift_ms: int, outcome: Outcome) -> None:
    run = healthy()
    run.replace(Collected, clock_shift_ns={"collector": shift_ms * 1_000_000})
    assert v4(run)[0] is outcome


@pytest.mark.parametrize(("lost", "outcome"), [(6, PASS), (7, INCONCLUSIVE)])
def test_one_attempt_in_a_hundred_may_lack_its_span(lost: int, outcome: Outcome) -> None:
    run = healthy()
    gone = {a.parent_span_id for a in run.on_edge(EDGE)[:lost]}
    run.spans = [span for span in run.spans if span.span_id not in gone]
    assert v4(run)[0] is outcome


def test_attempts_of_callers_that_send_no_spans_are_not_asked_for_one() -> None:
    run = healthy()
    run.spans = []
    run.record = run.record.model_copy(update={"traced": []})
    seen = result(run, "V4")
    assert seen.outcome is PASS
    assert isinstance(seen.observed, NoData)


def test_attempts_before_the_load_do_not_count() -> None:
    run = healthy()
    for _ in range(50):
        run.plane_row(EDGE, -2.0, 0.01)
    assert v4(run)[0] is PASS


def test_what_could_not_be_read_leaves_the_run_undecided() -> None:
    run = healthy()
    run.problems = ("spans.parquet: no such file",)
    assert v4(run) == (INCONCLUSIVE, "spans.parquet: no such file")


def test_everything_that_is_missing_is_named_at_once() -> None:
    run = healthy()
    run.problems = ("journal line 9 is torn",)
    run.replace(Collected, dropped={"attempts": 2}, clock_shift_ns={"load": ns(1)})
    assert v4(run)[1] == (
        "journal line 9 is torn; 2 rows of attempts lost; the clocks of load moved 1 s apart, 50 ms is tolerated"
    )


def test_a_system_without_metrics_is_not_asked_for_scrapes() -> None:
    run = healthy()
    run.metrics = [MetricRow(ns(1), "other", "up", "{}", 1.0)]
    run.record = run.record.model_copy(update={"scraped": []})
    assert v4(run)[0] is PASS
