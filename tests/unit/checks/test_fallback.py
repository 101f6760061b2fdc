"""A12: degraded answers where they are needed, nowhere else, and not by way of the failed edge."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, OFF, ON, SCENARIO, healthy, injector_off
from tests.history_builder import HistoryBuilder, SpanRow, ns
from tests.unit.checks.asking import all_of, expecting, rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.fallback import fallback_served_needs
from workbench.model.expectations import FallbackServed
from workbench.model.verdict import Outcome

PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_APPLICABLE,
)

SHARE, EDGE_ALONE = "A12:checkout", "A12:checkout/edge"
BASELINE, RECOVERY = "A12:checkout@baseline/none", "A12:checkout@recovery/none"


def without_fallback(number: int, outcome: str = "failed") -> HistoryBuilder:
    """So many of the 119 checkouts of the fault phase fail instead of being queued."""
    run = healthy()
    for row in run.in_phase("fault", "checkout")[:number]:  # the last is in flight at the undo
        row.outcome = outcome
    return run


# -- the share ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failed", "outcome"), [(0, PASS), (5, PASS), (6, INCONCLUSIVE), (20, FAIL), (119, FAIL)])
def test_the_interval_of_degraded_answers_decides(failed: int, outcome: Outcome) -> None:
    """At least 90 %: of 119, 5 failed are 90.5 % to 98.6 %, 6 are 89.3 % to 98.1 %."""
    assert result(without_fallback(failed), SHARE).outcome is outcome


def test_journeys_served_in_full_need_no_fallback_and_do_not_count() -> None:
    run = without_fallback(0)
    for row in run.in_phase("fault", "checkout")[40:]:
        row.outcome = "ok"
    seen = result(run, SHARE)
    assert seen.n == 40
    assert seen.outcome is PASS


def test_where_everybody_was_served_in_full_it_is_undecided() -> None:
    seen = result(without_fallback(119, "ok"), SHARE)
    assert seen.outcome is INCONCLUSIVE
    assert "no fallback needed" in seen.reason


def test_a_user_who_cannot_know_was_not_served() -> None:
    assert result(without_fallback(60, "indeterminate"), SHARE).outcome is FAIL


def test_with_the_injector_off_the_share_is_undecided() -> None:
    assert result(injector_off(), SHARE).outcome is INCONCLUSIVE
    assert result(injector_off(), EDGE_ALONE).outcome is INCONCLUSIVE


# -- nobody without a fault ---------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "id_"), [("baseline", BASELINE), ("recovery", RECOVERY)])
def test_one_degraded_answer_without_a_fault_fails(phase: str, id_: str) -> None:
    run = healthy()
    assert result(run, id_).outcome is PASS
    row = run.in_phase(phase, "checkout")[60]
    row.outcome = "degraded"
    seen = result(run, id_)
    assert seen.outcome is FAIL
    assert [e.ref for e in seen.evidence] == [row.trace_id]


def test_a_degraded_answer_to_a_journey_in_flight_when_the_fault_came_is_not_baseline() -> None:
    run = healthy()
    row = run.in_phase("baseline", "checkout")[-1]
    row.outcome, row.ended = "degraded", ns(23.02)
    assert result(run, BASELINE).outcome is PASS


def test_degraded_answers_may_go_on_for_a_while_after_the_undo() -> None:
    """Five seconds here; the healthy run needs three."""
    assert result(healthy(), RECOVERY).outcome is PASS
    expect = {"kind": "fallback_served", "journey": "checkout", "at_least": "90%"}
    assert result(expecting(healthy(), **expect, recovered_within="2s"), RECOVERY).outcome is FAIL


def test_a_recovery_too_short_to_show_it_is_undecided() -> None:
    run = healthy()
    run.journeys = [row for row in run.journeys if row.intended < ns(OFF + 5 + 1.5)]
    seen = result(run, RECOVERY)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 10


# -- the failed edge ----------------------------------------------------------------------------------


def fallbacks(run: HistoryBuilder) -> list[SpanRow]:
    return [s for s in run.spans if s.fallback is not None and s.started > ns(ON)]


def call_from_fallback(run: HistoryBuilder, edge: str, *, deep: bool = False) -> None:
    span = fallbacks(run)[3]
    parent = span.span_id
    if deep:
        parent = run.span(span.trace_id, parent, "orders", ON + 2, 0.1)
    call = run.call(edge, span.trace_id, parent, ON + 2, 0.1)
    run.attempt(call, ON + 2, 0.1)


def test_a_fallback_that_leaves_the_edge_alone_passes() -> None:
    assert result(healthy(), EDGE_ALONE).outcome is PASS


@pytest.mark.parametrize("deep", [False, True])
def test_a_fallback_that_calls_the_failed_edge_fails(deep: bool) -> None:
    run = healthy()
    call_from_fallback(run, EDGE, deep=deep)
    seen = result(run, EDGE_ALONE)
    assert seen.outcome is FAIL
    assert seen.evidence


def test_a_fallback_may_call_another_edge() -> None:
    run = healthy()
    call_from_fallback(run, "front:orders")
    assert result(run, EDGE_ALONE).outcome is PASS


def test_nine_fallbacks_are_too_few() -> None:
    run = healthy()
    gone = {s.span_id for s in fallbacks(run)[9:]}
    run.spans = [s for s in run.spans if s.span_id not in gone]
    assert result(run, EDGE_ALONE).outcome is INCONCLUSIVE


def test_what_cannot_be_asked_does_not_apply() -> None:
    run = healthy()
    run.spans = [s for s in run.spans if s.fallback is None]
    assert result(run, EDGE_ALONE).outcome is NOT_APPLICABLE
    run.record = run.record.model_copy(update={"traced": ["front"]})
    seen = result(run, EDGE_ALONE)
    assert seen.outcome is NOT_APPLICABLE
    assert "sends no spans" in seen.reason


def test_it_can_be_asked_of_one_phase_alone() -> None:
    phases = [*SCENARIO["phases"][:3], {"name": "outage", "duration": "5s"}, SCENARIO["phases"][3]]
    faults = [SCENARIO["faults"][0], {**SCENARIO["faults"][0], "id": "again", "phase": "outage"}]
    expect = {"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"}
    run = rescripted(healthy(), phases=phases, faults=faults, expect=[{**expect, "phase": "fault"}])
    assert [r.id for r in all_of(run, "A12")] == [SHARE, EDGE_ALONE, BASELINE, RECOVERY]


# -- needs --------------------------------------------------------------------------------------------


def needs(**changes: object) -> list[str]:
    run = rescripted(healthy(), **{"expect": [{"kind": "no_lost_orders"}], **changes})
    spec = FallbackServed.model_validate(
        {"kind": "fallback_served", "journey": "checkout", "at_least": "90%", "recovered_within": "5s"}
    )
    return fallback_served_needs(spec, Facts.of_run(run.record))


def test_a_scenario_that_has_everything_lacks_nothing() -> None:
    assert needs() == []


def test_a_recovery_that_ends_before_it_is_looked_at_is_refused() -> None:
    (problem,) = needs(phases=[*SCENARIO["phases"][:3], {"name": "recovery", "duration": "5s"}])
    assert "make it at least 10s" in problem


def test_a_scenario_without_baseline_recovery_or_fault_is_refused_for_each() -> None:
    problems = needs(phases=[{"name": "fault", "duration": "20s"}], faults=[])
    assert [p.split(" needs ")[1].split(";")[0] for p in problems] == [
        "a phase `baseline`",
        "a phase `recovery`",
        "a fault",
    ]


def test_a_journey_that_nobody_makes_is_refused() -> None:
    (problem,) = needs(load={"mix": {"browse": 1}, "arrivals": {"rate": "12/s"}})
    assert "journey 'checkout', which the load does not contain" in problem


def test_the_fault_has_the_id_these_tests_assume() -> None:
    assert healthy().record.scenario.faults[0].id == FAULT
