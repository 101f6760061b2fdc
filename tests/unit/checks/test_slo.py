"""A16: an SLO over a whole phase, its interval and its budget."""

from __future__ import annotations

import pytest

from tests.histories import OFF, ON, UNDO, healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import all_of, rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.slo import slo_needs
from workbench.model.events import FaultRequested, PhaseEnded, PhaseStarted
from workbench.model.scenario import SloInPhases
from workbench.model.verdict import Limit, NoData, Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

ID = "A16:checkout-availability"


def failing(number: int, outcome: str = "failed") -> HistoryBuilder:
    """So many of the 119 checkouts of the fault phase end badly."""
    run = healthy()
    for row in run.in_phase("fault", "checkout")[:number]:  # the last is in flight at the undo
        row.outcome = outcome
    return run


@pytest.mark.parametrize(
    ("bad", "outcome"), [(0, PASS), (1, PASS), (2, INCONCLUSIVE), (11, INCONCLUSIVE), (12, FAIL), (60, FAIL)]
)
def test_the_interval_decides(bad: int, outcome: Outcome) -> None:
    """118 of 119: 95.4 % to 100 %. 117: 94.1 % to 99.8 %. 108: 83.8 % to 95.2 %. 107: 82.8 % to 94.6 %."""
    seen = result(failing(bad), ID)
    assert seen.outcome is outcome
    assert seen.n == 119
    assert seen.observed == Value(number=(119 - bad) / 119, unit="ratio")
    assert seen.limit == Limit(comparison="at_least", number=0.95, unit="ratio")


def test_undecided_it_says_how_many_would_decide() -> None:
    seen = result(failing(2), ID)
    assert seen.needed_n is not None
    assert seen.needed_n > 119
    assert f"{seen.needed_n} journeys would decide" in seen.reason


def test_the_reason_names_budget_and_burn_rate() -> None:
    """60 of 119 bad are 50.4 %; 5 % are allowed: ten times the budget."""
    assert result(failing(60), ID).reason.endswith("10 times the error budget is spent, a burn rate of 10")
    assert "16.8 % of the error budget is spent, a burn rate of 0.17" in result(failing(1), ID).reason
    assert result(failing(0), ID).reason.endswith("none of the error budget is spent")


def hanging(seconds: float, outcome: str = "failed", journey: str = "checkout") -> HistoryBuilder:
    """Twelve journeys of the fault phase begin so long before the undo and end a second after it."""
    run = healthy()
    for row in run.in_phase("fault", journey)[-20:-8]:
        row.intended = row.dispatched = row.started = ns(UNDO - seconds)
        row.ended, row.outcome = ns(OFF + 1), outcome
    return run


@pytest.mark.parametrize(("outcome", "judged"), [("failed", INCONCLUSIVE), ("ok", PASS), ("degraded", PASS)])
def test_who_waited_until_the_undo_and_was_not_served_keeps_it_from_passing(outcome: str, judged: Outcome) -> None:
    """The fault or its undo did it. Whoever was served after all may owe it to the undo, and no limit was missed."""
    seen = result(hanging(5.0, outcome), ID)
    assert seen.outcome is judged
    if judged is INCONCLUSIVE:
        assert "ended badly, it would be FAIL: 107 of 119" in seen.reason


@pytest.mark.parametrize(("seconds", "outcome"), [(0.4, PASS), (0.6, FAIL)])
def test_whose_time_was_over_before_the_undo_was_late(seconds: float, outcome: Outcome) -> None:
    """500 ms are allowed, of which 95 % are to be within: 12 of 120 took longer, however they ended."""
    run = hanging(seconds, "ok", "browse")
    for row in run.in_phase("fault", "browse"):
        if row.intended == ns(UNDO - seconds):
            row.ended = ns(UNDO + 0.05) if outcome is PASS else row.ended
    run = rescripted(run, slos=[{"slo": "browse-latency", "phases": ["fault"]}], expect=[])
    assert result(run, "A16:browse-latency").outcome is outcome


@pytest.mark.parametrize(
    ("check", "run"),
    [
        ("A12:checkout", hanging(5.0)),
        ("A13:browse/errors", hanging(5.0, journey="browse")),
        ("A13:browse/p95", hanging(5.0, "ok", "browse")),
    ],
)
def test_who_waited_until_the_undo_is_asked_about_everywhere(check: str, run: HistoryBuilder) -> None:
    assert result(healthy(), check).outcome is PASS
    assert result(run, check).outcome is INCONCLUSIVE


def test_who_was_in_flight_when_a_fault_came_on_belongs_to_no_phase() -> None:
    run = healthy()
    for row in run.in_phase("baseline", "checkout")[-20:]:
        row.ended, row.outcome = ns(ON + 1), "failed"
    assert result(run, "A1:checkout-complete@baseline").outcome is PASS


def test_bad_journeys_are_named_by_their_traces() -> None:
    run = failing(3)
    expected = [row.trace_id for row in run.in_phase("fault", "checkout")[:3]]
    assert [e.ref for e in result(run, ID).evidence] == expected


def test_an_outcome_that_nobody_knows_is_not_good() -> None:
    assert result(failing(60, "indeterminate"), ID).outcome is FAIL


def test_a_degraded_answer_is_good_where_the_slo_says_so() -> None:
    """All checkouts of the fault phase are queued: good for availability, bad for completeness."""
    run = rescripted(healthy(), slos=[{"slo": "checkout-complete", "phases": ["fault"]}])
    assert result(healthy(), ID).outcome is PASS
    assert result(run, "A16:checkout-complete").outcome is FAIL


def test_journeys_in_flight_at_a_verified_transition_are_left_out() -> None:
    run = healthy()
    first = run.in_phase("baseline", "checkout")[-1]
    first.outcome = "failed"
    rescripted(run, slos=[{"slo": "checkout-availability", "phases": ["baseline"]}])
    assert result(run, "A16:checkout-availability@baseline").n == 120
    first.ended = ns(ON + 0.5)
    seen = result(run, "A16:checkout-availability@baseline")
    assert seen.n == 119
    assert seen.outcome is PASS


def test_a_journey_that_ends_while_a_fault_is_being_put_on_is_left_out_too() -> None:
    """Between the request and its verified effect the fault may already hit."""
    run = healthy()
    last = run.in_phase("baseline", "checkout")[-1]
    last.outcome = "failed"
    last.ended = ns(23.01)
    assert last.ended < ns(ON)
    rescripted(run, slos=[{"slo": "checkout-availability", "phases": ["baseline"]}])
    assert result(run, "A16:checkout-availability@baseline").n == 119
    run.drop(FaultRequested)
    assert result(run, "A16:checkout-availability@baseline").n == 120


def test_a_latency_slo_counts_from_the_intended_start() -> None:
    run = rescripted(healthy(), slos=[{"slo": "browse-latency", "phases": ["fault"]}])
    for row in run.in_phase("fault", "browse"):
        row.lasts(0.5)
    assert result(run, "A16:browse-latency").outcome is PASS
    for row in run.in_phase("fault", "browse"):
        row.lasts(0.501)
    assert result(run, "A16:browse-latency").outcome is FAIL


def test_the_target_of_the_scenario_stands_before_that_of_the_slo() -> None:
    run = failing(20)
    rescripted(run, slos=[{"slo": "checkout-availability", "phases": ["fault"], "target": "70%"}])
    assert result(run, ID).outcome is PASS


def test_each_phase_has_a_result_of_its_own() -> None:
    run = rescripted(healthy(), slos=[{"slo": "checkout-availability", "phases": ["baseline", "fault"]}])
    assert [r.id for r in all_of(run, "A16")] == ["A16:checkout-availability@baseline", ID]


def test_a_phase_without_journeys_has_no_data() -> None:
    run = healthy()
    gone = {row.arrival for row in run.in_phase("fault", "checkout")}
    run.journeys = [row for row in run.journeys if row.arrival not in gone]
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert isinstance(seen.observed, NoData)


def test_a_phase_that_never_began_has_no_data() -> None:
    run = healthy()
    run.journal = [
        e for e in run.journal if not (isinstance(e, PhaseStarted | PhaseEnded) and e.phase in {"fault", "recovery"})
    ]
    assert "never begun" in result(run, ID).reason


def test_an_unknown_slo_is_refused_with_the_known_ones() -> None:
    spec = SloInPhases.model_validate({"slo": "checkout-latency", "phases": ["fault"]})
    assert slo_needs(spec, Facts.of_run(healthy().record)) == [
        "there is no SLO 'checkout-latency'; known are: browse-latency, checkout-availability, checkout-complete"
    ]


def test_a_target_of_100_percent_is_refused() -> None:
    spec = SloInPhases.model_validate({"slo": "checkout-complete", "phases": ["fault"], "target": "100%"})
    (problem,) = slo_needs(spec, Facts.of_run(healthy().record))
    assert "no number of samples shows 100 %" in problem
