"""V4: what is missing from the telemetry decides the run, whatever else was seen."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, END, FAULT, PRODUCED, RUN_ID, healthy
from tests.history_builder import HistoryBuilder, MetricRow, ns
from tests.unit.checks.asking import result
from workbench.model.events import (
    CleanVerified,
    Collected,
    Event,
    FaultLost,
    FaultOff,
    FaultRequested,
    FaultUndoRequested,
    LoadStarted,
    LoadStopped,
    PhaseEnded,
    RunEnded,
    RunStarted,
    Settled,
)
from workbench.model.planes import PlaneName
from workbench.model.tools import Tool
from workbench.model.verdict import NoData, Outcome

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE

CLOCKS = {"load": 0, "faultproxy": 0, "collector": 0}


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


def test_spans_dropped_since_a_restart_count_from_0() -> None:
    """The counter had 50 of an earlier run, began again with its service, and has come to 40."""
    run = healthy()
    for metric in run.metrics:
        if metric.name == "workbench_spans_dropped_total" and metric.service == "orders":
            metric.value = 50.0 if metric.time < ns(40) else 40.0
    assert v4(run) == (INCONCLUSIVE, "service orders dropped 40 spans")


def test_a_service_without_a_drop_counter_is_not_accused() -> None:
    run = healthy()
    run.metrics = [m for m in run.metrics if m.name == "up"]
    assert v4(run)[0] is PASS


def test_lost_rows_leave_the_run_undecided() -> None:
    run = healthy()
    run.replace(Collected, dropped=dict.fromkeys(PRODUCED, 0) | {"attempts": 2})
    assert v4(run) == (INCONCLUSIVE, "2 rows of attempts lost")


def test_a_run_that_was_never_collected_is_undecided() -> None:
    run = healthy()
    run.drop(Collected)
    assert "not collected" in v4(run)[1]


@pytest.mark.parametrize("table", PRODUCED)
def test_a_table_of_which_nobody_says_whether_rows_were_lost_is_named(table: str) -> None:
    """Missing is not zero: who did not say so may have lost any number."""
    run = healthy()
    run.replace(Collected, dropped={name: 0 for name in PRODUCED if name != table})
    assert v4(run) == (INCONCLUSIVE, f"nobody said whether rows of {table} were lost")


def test_a_plane_that_keeps_no_record_is_not_asked_for_its_rows_and_clocks() -> None:
    run = healthy()
    run.record = run.record.model_copy(update={"fault_plane": PlaneName.TOXIPROXY, "tools": {Tool.PROMETHEUS: "x"}})
    run.replace(Collected, dropped={}, clock_shift_ns={})
    reason = v4(run)[1]
    assert "rows of requests, spans, series, metric_points, processes and prometheus were lost" in reason
    assert "nobody knows how the clocks of load moved; nobody knows how the clocks of collector moved" in reason


def test_a_producer_that_did_not_say_how_much_it_wrote_is_named() -> None:
    run = healthy()
    run.replace(Collected, untold=["load", "collector"])
    assert v4(run) == (INCONCLUSIVE, "collector and load did not say how many rows were written")


def test_a_load_that_did_not_say_how_many_journeys_it_began_is_told() -> None:
    """It was killed: those that are missing are those that would not end."""
    run = healthy()
    run.replace(LoadStopped, journeys=None, unfinished=None)
    outcome, reason = v4(run)
    assert outcome is INCONCLUSIVE
    assert reason == "the load did not say how many journeys it began: those that would not end may be missing"


@pytest.mark.parametrize("more", [1, -1])
def test_every_journey_that_was_begun_has_to_be_there(more: int) -> None:
    run = healthy()
    began = len(run.journeys) + more
    run.replace(LoadStopped, journeys=began)
    assert v4(run) == (INCONCLUSIVE, f"the load began {began} journeys, and 757 are there")


@pytest.mark.parametrize("kind", [RunStarted, LoadStarted, LoadStopped, Settled, CleanVerified, RunEnded])
def test_what_every_run_goes_through_has_to_be_in_the_journal_once(kind: type[Event]) -> None:
    name = kind.model_fields["event"].default
    without, twice = healthy(), healthy()
    without.drop(kind)
    twice.journal += [event for event in twice.journal if isinstance(event, kind)]
    assert (INCONCLUSIVE, True) == (v4(without)[0], f"the journal has no {name}" in v4(without)[1])
    assert v4(twice) == (INCONCLUSIVE, f"the journal says {name} 2 times")


def test_a_journal_of_another_run_is_none_of_this() -> None:
    run = healthy()
    run.replace(RunStarted, run_id="another")
    assert v4(run) == (INCONCLUSIVE, f"the journal is of run another, run.json of {RUN_ID}")


def test_phases_that_began_have_to_end() -> None:
    run = healthy()
    run.drop(PhaseEnded)
    assert v4(run)[1].startswith("the journal does not say that warmup, baseline, fault and recovery ended")


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        (FaultRequested, "asked for"),
        (FaultUndoRequested, "asked to be undone"),
        (FaultOff, "verified to be off"),
    ],
)
def test_a_fault_that_was_on_was_asked_for_undone_and_verified_off(gone: type[Event], text: str) -> None:
    run = healthy()
    run.drop(gone)
    assert v4(run) == (INCONCLUSIVE, f"the journal does not say when {FAULT} was {text}")


def test_a_fault_that_ended_by_itself_has_no_end_in_the_journal() -> None:
    run = healthy()
    run.drop(FaultUndoRequested, FaultOff)
    run.journal.append(FaultLost(at_ns=ns(33), fault=FAULT, target=EDGE, reason="its lease expired"))
    assert v4(run)[0] is PASS


def test_what_ended_before_it_began_is_counted() -> None:
    run = healthy()
    run.journeys[7].ended = run.journeys[7].started - 1
    run.journeys[9].dispatched = run.journeys[9].intended - 1
    run.attempts[5].ended = run.attempts[5].accepted - 1
    run.spans[3].ended = run.spans[3].started - ns(0.051)
    run.spans[4].ended = run.spans[4].started - ns(0.049)  # the wall clock was set back
    told = "2 journeys ended before it began; 1 attempt ended before it began; 1 span ended before it began"
    assert v4(run) == (INCONCLUSIVE, told)


@pytest.mark.parametrize(("shift_ms", "outcome"), [(50, PASS), (-50, PASS), (51, INCONCLUSIVE), (-51, INCONCLUSIVE)])
def test_clocks_may_move_50_ms_apart(shift_ms: int, outcome: Outcome) -> None:
    run = healthy()
    run.replace(Collected, clock_shift_ns=CLOCKS | {"collector": shift_ms * 1_000_000})
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
    dropped = dict.fromkeys(PRODUCED, 0) | {"attempts": 2}
    run.replace(Collected, dropped=dropped, clock_shift_ns=CLOCKS | {"load": ns(1)})
    assert v4(run)[1] == (
        "journal line 9 is torn; 2 rows of attempts lost; the clocks of load moved 1 s apart, 50 ms is tolerated"
    )


def test_a_system_without_metrics_is_not_asked_for_scrapes() -> None:
    run = healthy()
    run.metrics = [MetricRow(ns(1), "other", "up", "{}", 1.0)]
    run.record = run.record.model_copy(update={"scraped": []})
    assert v4(run)[0] is PASS
