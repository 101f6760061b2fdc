"""A2 for faults on services: those who called it felt it, more than some calls always do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, FAULT, ON, UNDO, healthy, plan
from tests.history_builder import AttemptRow, HistoryBuilder, ns
from tests.unit.checks.asking import rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.fault_effective import fault_power
from workbench.checks.process_fault import process_fault_needs
from workbench.model.verdict import Outcome

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE

ID = f"A2:{FAULT}"
EXPECT = [{"kind": "timeout_bound", "edge": EDGE}]


def disturbed(kind: str = "kill", service: str = "payments", **fields: Any) -> HistoryBuilder:
    """The healthy run with a fault on a service, which nobody felt yet: every attempt was answered as usual."""
    fault = {"id": FAULT, "kind": kind, "service": service} | fields
    run = rescripted(healthy(), faults=[fault], expect=EXPECT)
    for row in run.on_edge(EDGE, hit=True):
        row.faults = row.decisions = ""
        row.ended, row.status, row.end_reason = row.accepted + ns(0.015), 200, "complete"
    for second in range(40):  # half a second apart, so that a breaker is not what decides
        run.plane_row(EDGE, ON + second / 2, 0.015)
    return run


def during(run: HistoryBuilder) -> list[AttemptRow]:
    return [row for row in run.on_edge(EDGE) if ns(ON) <= row.accepted < ns(UNDO)]


def fail(rows: list[AttemptRow]) -> None:
    for row in rows:
        row.end_reason, row.status = "upstream_refused", None


def test_a_fault_that_nobody_felt_is_undecided_with_the_figures() -> None:
    seen = result(disturbed(), ID)
    assert seen.outcome is INCONCLUSIVE
    assert "callers felt it 0 times, at least 10 are wanted" in seen.reason
    assert "0 failed and 0 took longer than twice the usual" in seen.reason
    assert (0, 10) == (seen.n, seen.needed_n)


@pytest.mark.parametrize(("failing", "outcome"), [(9, INCONCLUSIVE), (10, PASS)])
def test_attempts_that_failed_were_felt(failing: int, outcome: Outcome) -> None:
    run = disturbed()
    fail(during(run)[:failing])
    assert result(run, ID).outcome is outcome


@pytest.mark.parametrize(("status", "outcome"), [(499, INCONCLUSIVE), (500, PASS)])
def test_an_error_of_the_server_is_a_failure_and_one_of_the_client_is_not(status: int, outcome: Outcome) -> None:
    run = disturbed()
    for row in during(run)[:12]:
        row.status = status
    assert result(run, ID).outcome is outcome


@pytest.mark.parametrize(("seconds", "outcome"), [(0.030, INCONCLUSIVE), (0.031, PASS)])
def test_attempts_that_took_longer_than_twice_the_usual_were_felt(seconds: float, outcome: Outcome) -> None:
    run = disturbed("pause")
    for row in during(run)[:12]:
        row.ended = row.accepted + ns(seconds)
    assert result(run, ID).outcome is outcome


@pytest.mark.parametrize("how", ["slow", "failing"])
def test_what_baseline_had_as_often_is_no_evidence(how: str) -> None:
    """A share of attempts is always slow, or fails; that must not pass for a fault."""
    run = disturbed("cpu", limit="50%")
    for i, row in enumerate(row for row in run.on_edge(EDGE) if row.accepted < ns(UNDO)):
        if i % (21 if how == "slow" else 3) == 0:
            row.ended = row.accepted + ns(0.5 if how == "slow" else 0.015)
            row.end_reason = "complete" if how == "slow" else "upstream_gone"
    seen = result(run, ID)
    assert (INCONCLUSIVE, True) == (seen.outcome, "what as many in baseline would give by chance" in seen.reason)


def test_an_altered_answer_is_no_failure_of_the_service() -> None:
    run = disturbed()
    for row in during(run):
        row.end_reason = "altered"
    assert result(run, ID).outcome is INCONCLUSIVE


def test_attempts_before_and_after_do_not_count() -> None:
    run = disturbed()
    fail([row for row in run.on_edge(EDGE) if not ns(ON - 1) <= row.accepted < ns(UNDO)])
    assert "0 failed" in result(run, ID).reason


def test_what_was_on_the_way_when_it_was_asked_for_counts_too() -> None:
    """A service that is restarted may be back when its end has been verified."""
    run = disturbed("restart", min_evidence=3)
    rows = [run.plane_row(EDGE, 23.01 + i / 1000, 0.015) for i in range(5)]
    fail(rows)
    assert result(run, ID).outcome is PASS


def test_canaries_do_not_count() -> None:
    run = disturbed()
    for row in during(run)[:12]:
        row.canary = True
    fail(during(run)[:12])
    assert result(run, ID).outcome is INCONCLUSIVE


def test_attempts_on_other_edges_do_not_count() -> None:
    run = disturbed(service="orders")
    fail(during(run))
    seen = result(run, ID)
    assert "attempts on front:orders while it was on, 0 failed" in seen.reason


def test_for_the_entry_the_requests_of_users_count() -> None:
    run = disturbed(service="front")
    assert "of 0 requests of users" in result(run, ID).reason
    for row in [*run.journeys]:
        request = run.journey(row.journey, row.intended / 1e9, 0.05)
        request.kind, request.name = "request", "GET /"
        if ns(ON) <= row.intended < ns(UNDO):
            request.outcome = "failed"
    assert result(run, ID).outcome is PASS


def test_without_anything_in_baseline_failures_stand_for_themselves() -> None:
    run = disturbed()
    run.attempts = [row for row in run.attempts if row.accepted >= ns(ON)]
    fail(during(run)[:10])
    seen = result(run, ID)
    assert (PASS, False) == (seen.outcome, "in baseline" in seen.reason)


@pytest.mark.parametrize(
    ("fault", "fewest"),
    [
        ({"kind": "kill"}, 30),  # the breaker lets no more through: 5 failures, those in flight, a probe each 4 s
        ({"kind": "restart"}, 6),  # half a second of 12/s
        ({"kind": "slow_start", "delay": "2s"}, 14),
        ({"kind": "kill", "service": "front"}, 240),  # nobody protects users
    ],
)
def test_a_plan_says_how_many_will_feel_it(fault: dict[str, Any], fewest: int) -> None:
    run = disturbed()
    scenario = rescripted(run, faults=[{"id": FAULT, "service": "payments"} | fault]).record.scenario
    facts = Facts.of_run(run.record.model_copy(update={"scenario": scenario}))
    (estimate,) = fault_power(facts, plan(scenario))
    assert fewest <= estimate.samples["fault"] <= fewest + 12
    assert estimate.sufficient is (fault["kind"] != "restart")


@pytest.mark.parametrize(("kind", "wanted"), [("pause", 1), ("kill", 0)])
def test_who_is_only_made_slower_is_seen_beside_baseline_alone(kind: str, wanted: int) -> None:
    run = disturbed(kind)
    phases = [{"name": "fault", "duration": "20s"}]
    faults = [{"id": FAULT, "kind": kind, "service": "payments"}]
    scenario = rescripted(run, faults=faults, phases=phases, slos=[], expect=[]).record.scenario
    problems = process_fault_needs(Facts.of_run(run.record.model_copy(update={"scenario": scenario})))
    assert wanted == len(problems)
    assert all("needs a phase `baseline`; add one to `phases`" in problem for problem in problems)


@pytest.mark.parametrize(("lasts", "outcome"), [(0.75, PASS), (0.76, Outcome.FAIL)])
def test_under_a_pause_every_attempt_puts_its_timeout_to_the_test(lasts: float, outcome: Outcome) -> None:
    """The plane has picked none, so all of that time are meant."""
    run = disturbed("pause")
    for row in during(run):
        row.ended, row.end_reason, row.trace_id = row.accepted + ns(lasts), "client_gone", None
    assert result(run, f"A10:{EDGE}").outcome is outcome


def test_telemetry_of_a_service_is_not_missed_while_it_could_not_answer() -> None:
    run = disturbed("pause")
    run.attempts = [row for row in run.attempts if row.trace_id is not None]
    run.metrics = [m for m in run.metrics if m.service != "payments" or not ns(ON - 1) < m.time < ns(UNDO)]
    assert result(run, "V4").outcome is PASS
    other = disturbed("pause", service="orders")
    other.metrics = [m for m in other.metrics if m.service != "payments" or not ns(ON - 1) < m.time < ns(UNDO)]
    assert "service payments answered scrapes over" in result(other, "V4").reason


def test_spans_that_went_with_a_killed_caller_are_not_missed() -> None:
    run = disturbed("kill", service="orders")
    lost = {row.parent_span_id for row in run.on_edge(EDGE) if ns(ON - 4) <= row.accepted < ns(UNDO)}
    run.spans = [span for span in run.spans if span.span_id not in lost]
    for row in during(run):
        row.trace_id = row.parent_span_id = None
    assert result(run, "V4").outcome is PASS
    run.record = disturbed("kill").record
    assert result(run, "V4").outcome is INCONCLUSIVE
