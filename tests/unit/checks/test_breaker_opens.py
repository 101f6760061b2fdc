"""A6: attempts stop in time, and no more are let through than the policy says."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, ON, POLICIES, SCENARIO, UNDO, healthy, injector_off, record
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import all_of, expecting, rescripted, result
from workbench.checks.breaker_opens import breaker_opens_needs
from workbench.checks.facts import Facts
from workbench.model.expectations import BreakerOpens
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_APPLICABLE,
)

ID, THRESHOLD = "A6:orders:payments", "A6:orders:payments/threshold"


def breaker_off(rate: float = 6, *, until: float = UNDO, lasts: float = 0.5) -> HistoryBuilder:
    """Every call of the fault phase makes an attempt that fails: the breaker never opens."""
    run = healthy()
    during = {s.span_id for s in run.spans if s.edge == EDGE and ns(ON) <= s.started < ns(UNDO)}
    run.attempts = [a for a in run.attempts if a.edge != EDGE or not ns(ON) <= a.accepted < ns(UNDO)]
    run.spans = [span for span in run.spans if span.span_id not in during]
    at = ON + 0.01
    while at < until:
        call = run.call(EDGE, run.id(32), None, at, lasts + 0.01, outcome="timeout")
        run.attempt(call, at + 0.001, lasts, fault=FAULT, status=None, end_reason="client_gone", outcome="timeout")
        at += 1 / rate
    return run


def test_a_breaker_that_opens_in_time_passes_with_its_resolution() -> None:
    """Six calls a second: the last attempt comes 500 ms, the first refusal 667 ms after the first failure."""
    seen = result(healthy(), ID)
    assert seen.outcome is PASS
    assert seen.interval is not None
    assert [round(bound / 1e6) for bound in seen.interval] == [500, 667]


@pytest.mark.parametrize(("within", "outcome"), [("667ms", PASS), ("600ms", INCONCLUSIVE), ("499ms", FAIL)])
def test_its_resolution_is_compared_with_the_limit(within: str, outcome: Outcome) -> None:
    assert result(expecting(healthy(), kind="breaker_opens", edge=EDGE, within=within), ID).outcome is outcome


def test_a_breaker_that_never_opens_fails() -> None:
    seen = result(breaker_off(), ID)
    assert seen.outcome is FAIL
    assert seen.reason.startswith("the breaker never opened: 120 of 120 attempts failed")


def test_a_breaker_that_never_opens_lets_too_many_through() -> None:
    seen = result(breaker_off(), THRESHOLD)
    assert seen.outcome is FAIL
    assert isinstance(seen.observed, Value)
    assert seen.observed.number > 100
    assert seen.evidence


def test_a_breaker_that_opens_too_late_fails_and_lets_too_many_through() -> None:
    run = healthy()
    first = min(a.accepted for a in run.on_edge(EDGE, hit=True))
    late = breaker_off(until=ON + 6)
    late.spans += [s for s in run.spans if s.edge == EDGE and s.attempt is None and s.started >= ns(ON + 6)]
    assert result(late, ID).outcome is FAIL
    assert result(late, THRESHOLD).outcome is FAIL
    assert first < ns(ON + 1)


def test_no_failing_attempt_leaves_it_undecided() -> None:
    run = breaker_off()
    for attempt in run.on_edge(EDGE, hit=True):
        attempt.status, attempt.end_reason = 200, "complete"
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "opening cannot be judged" in seen.reason
    assert result(run, THRESHOLD).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("failures", "outcome"), [(4, INCONCLUSIVE), (5, FAIL)])
def test_fewer_failures_than_the_policy_wants_leave_it_undecided(failures: int, outcome: Outcome) -> None:
    run = breaker_off()
    for attempt in run.on_edge(EDGE, hit=True)[failures:]:
        attempt.status, attempt.end_reason = 200, "complete"
    seen = result(run, ID)
    assert seen.outcome is outcome
    assert seen.needed_n == (5 if outcome is INCONCLUSIVE else None)


def test_a_fault_that_ended_too_soon_leaves_it_undecided() -> None:
    """3 s to open and 4 s to stay open do not fit into 6 s."""
    run = breaker_off()
    run.journal = [
        e.model_copy(update={"at_ns": ns(ON + 6)}) if e.event == "fault_undo_requested" else e for e in run.journal
    ]
    run.attempts = [a for a in run.attempts if a.edge != EDGE or not ns(ON + 6) < a.accepted < ns(UNDO)]
    assert "takes longer" in result(run, ID).reason


def test_a_pause_without_calls_is_no_opening() -> None:
    """Nobody wanted anything for 10 s: that says nothing about the breaker."""
    run = breaker_off(until=ON + 6)
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "too few to tell a breaker from no demand" in seen.reason


def calls_in_pause(number: int, outcome: str = "rejected_breaker") -> HistoryBuilder:
    run = breaker_off(until=ON + 2)
    for i in range(number):
        run.call(EDGE, run.id(32), None, ON + 3 + i, 0.001, outcome=outcome)
    return run


@pytest.mark.parametrize(("calls", "outcome"), [(2, INCONCLUSIVE), (3, PASS)])
def test_three_calls_without_an_attempt_make_an_opening(calls: int, outcome: Outcome) -> None:
    run = calls_in_pause(calls)
    rescripted(run, expect=[{"kind": "breaker_opens", "edge": EDGE, "within": "10s"}])
    assert result(run, ID).outcome is outcome


@pytest.mark.parametrize("why", ["rejected_bulkhead", "deadline", "retry_budget", "cancelled"])
def test_calls_that_something_else_refused_make_no_opening(why: str) -> None:
    """A bulkhead full of hanging attempts looks like an open breaker, and is none."""
    assert result(calls_in_pause(10, why), ID).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("part", "outcome"), [(0.96, PASS), (0.94, FAIL)])
def test_attempts_have_to_stop_for_95_percent_of_the_reset_timeout(part: float, outcome: Outcome) -> None:
    """A probe a little before its time may be the clock's fault. Earlier, the next pause counts: too late for 3 s."""
    run = healthy()
    hit = run.on_edge(EDGE, hit=True)
    last_before = max(a.accepted for a in hit[:10])
    probe = min((a for a in hit if a.accepted > last_before), key=lambda a: a.accepted)
    probe.accepted = last_before + ns(4.0 * part)
    assert result(run, ID).outcome is outcome


def test_where_successes_come_between_failures_the_threshold_does_not_apply() -> None:
    run = healthy()
    run.on_edge(EDGE, hit=True)[2].status = 200
    run.on_edge(EDGE, hit=True)[2].end_reason = "complete"
    assert result(run, THRESHOLD).outcome is NOT_APPLICABLE


def test_attempts_that_the_undo_let_succeed_do_not_excuse_the_others() -> None:
    run = breaker_off()
    for attempt in [a for a in run.on_edge(EDGE, hit=True) if a.ended > ns(UNDO)]:
        attempt.status, attempt.end_reason = 200, "complete"
    assert result(run, THRESHOLD).outcome is FAIL


@pytest.mark.parametrize(("late_ms", "outcome"), [(250, PASS), (251, FAIL)])
def test_an_attempt_may_be_let_through_until_the_slack_is_over(late_ms: int, outcome: Outcome) -> None:
    """The fifth failure ends 1.0 s after the first attempt began; 250 ms is the default slack."""
    run = healthy()
    hit = sorted(run.on_edge(EDGE, hit=True), key=lambda a: a.accepted)
    fifth = sorted(a.ended for a in hit)[4]
    call = next(s for s in run.spans if s.edge == EDGE and s.attempt is None and s.started > fifth)
    extra = run.attempt(call, fifth / 1e9, 0.5, fault=FAULT, status=None, end_reason="client_gone")
    extra.accepted, extra.ended = fifth + late_ms * 1_000_000, fifth + ns(1)
    span = next(s for s in run.spans if s.span_id == extra.parent_span_id)
    span.started = extra.accepted
    assert result(run, THRESHOLD).outcome is outcome
    span.started = fifth  # sent in time, and taken up late by a plane that was stalled
    assert result(run, THRESHOLD).outcome is PASS


def test_without_call_spans_the_rate_of_baseline_tells_that_attempts_were_to_be_expected() -> None:
    """Six attempts a second in baseline: 25 are missing in the pause, and the first within half a second."""
    run = healthy()
    run.spans = []
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert seen.interval is not None
    assert seen.interval[1] - seen.interval[0] == pytest.approx(3 / 6 * 1e9, rel=0.01)


def test_without_call_spans_a_rare_edge_leaves_it_undecided() -> None:
    run = healthy()
    run.spans = []
    baseline = [a for a in run.on_edge(EDGE) if a.accepted < ns(23)]
    run.attempts = [a for a in run.attempts if a not in baseline or a in baseline[::6]]
    assert result(expecting(run, kind="breaker_opens", edge=EDGE, within="10s"), ID).outcome is INCONCLUSIVE


def test_attempts_before_the_verified_start_have_no_part_in_it() -> None:
    run = healthy()
    for _ in range(8):
        run.plane_row(EDGE, ON - 0.5, 0.4, status=503)
    assert result(run, ID).interval == result(healthy(), ID).interval


def test_with_the_injector_off_it_is_undecided() -> None:
    (seen,) = all_of(injector_off(), "A6")
    assert seen.outcome is INCONCLUSIVE
    assert "switched off" in seen.reason


def test_each_phase_with_a_fault_has_results_of_its_own() -> None:
    phases = [*SCENARIO["phases"][:3], {"name": "outage", "duration": "5s"}, SCENARIO["phases"][3]]
    faults = [SCENARIO["faults"][0], {**SCENARIO["faults"][0], "id": "again", "phase": "outage"}]
    run = rescripted(healthy(), phases=phases, faults=faults)
    assert [r.id for r in all_of(run, "A6")] == [ID, THRESHOLD, f"{ID}@outage"]


def test_a_caller_without_a_breaker_leaves_it_undecided() -> None:
    run = healthy()
    run.record = record(policies={"edges": {EDGE: {"timeout": "500ms", "attempts": 2}}})
    assert result(run, ID).outcome is INCONCLUSIVE


# -- needs --------------------------------------------------------------------------------------------


def needs(run: HistoryBuilder, **spec: str) -> list[str]:
    asked = BreakerOpens.model_validate({"kind": "breaker_opens", "edge": EDGE, "within": "3s", **spec})
    return breaker_opens_needs(asked, Facts.of_run(run.record))


def test_a_scenario_that_has_everything_lacks_nothing() -> None:
    assert needs(healthy()) == []


def test_an_unknown_edge_is_refused_with_the_known_ones() -> None:
    (first, *_) = needs(healthy(), edge="orders:stock")
    assert first == (
        "breaker_opens on orders:stock: there is no edge 'orders:stock'; the system has: front:orders, orders:payments"
    )


def test_an_edge_without_a_fault_is_refused() -> None:
    assert needs(healthy(), edge="front:orders")[0] == (
        "breaker_opens on front:orders needs a fault on front:orders; add one to `faults`, or drop the expectation"
    )


def test_a_policy_without_a_breaker_is_refused() -> None:
    run = healthy()
    run.record = record(policies={"edges": {EDGE: {"attempts": 2}}})
    (problem,) = needs(run)
    assert problem.endswith(
        "orders has no breaker on orders:payments, so there is nothing to judge; add it to the policy"
    )


def test_a_caller_that_says_nothing_of_its_policy_is_refused_with_both_remedies() -> None:
    run = healthy()
    run.record = record(policies={})
    (problem,) = needs(run)
    assert "write `policy:` at the edge in system.yaml" in problem
    assert "`policies:` of service orders" in problem


def test_a_fault_shorter_than_opening_and_staying_open_is_refused() -> None:
    fault = {**SCENARIO["faults"][0], "schedule": {"duration": "6s"}}
    (problem,) = needs(rescripted(healthy(), faults=[fault]))
    assert "fault slow-payments lasts 6s" in problem
    assert "may take 7s" in problem


def test_before_the_services_were_asked_their_address_is_promise_enough() -> None:
    record_ = healthy().record
    facts = Facts.declared(record_.scenario, record_.system, tuple(record_.slos))
    spec = BreakerOpens.model_validate({"kind": "breaker_opens", "edge": EDGE, "within": "3s"})
    assert breaker_opens_needs(spec, facts) == []
    assert POLICIES["edges"][EDGE]
