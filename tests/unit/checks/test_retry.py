"""A3: attempts per call, the hard bound and the average."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, ON, UNDO, healthy, injector_off, record
from tests.history_builder import AttemptRow, HistoryBuilder, SpanRow, ns
from tests.unit.checks.asking import expecting, result
from workbench.checks.facts import Facts
from workbench.checks.retry import retries_bounded_needs, retry_amplification_needs
from workbench.model.expectations import RetriesBounded, RetryAmplification
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

ID, MEAN = "A3:orders:payments", "A3:orders:payments/amplification"


def calls_with_attempts(run: HistoryBuilder) -> list[SpanRow]:
    """Calls of the fault phase that made attempts, in order."""
    made = {s.call_id for s in run.spans if s.edge == EDGE and s.attempt is not None and ns(ON) < s.started < ns(UNDO)}
    return [s for s in run.spans if s.call_id in made and s.attempt is None]


def fail_once_more(run: HistoryBuilder, call: SpanRow, number: int = 3) -> AttemptRow:
    at = (call.started + ns(1.2)) / 1e9
    late = {"status": None, "end_reason": "client_gone"}
    return run.attempt(call, at, 0.5, number=number, outcome="timeout", fault=FAULT, **late)


def test_calls_within_their_policy_pass() -> None:
    seen = result(healthy(), ID)
    assert seen.outcome is PASS
    assert seen.n == 11
    assert seen.observed == Value(number=2, unit="count")


def test_one_attempt_too_many_fails_with_its_trace() -> None:
    run = healthy()
    call = calls_with_attempts(run)[0]
    fail_once_more(run, call)
    seen = result(run, ID)
    assert seen.outcome is FAIL
    assert [e.ref for e in seen.evidence] == [call.trace_id]
    assert "1 call made more" in seen.reason


def test_attempts_of_different_calls_are_not_added_up() -> None:
    run = healthy()
    first, second = calls_with_attempts(run)[-2:]
    fail_once_more(run, first, 2)
    fail_once_more(run, second, 2)
    assert result(run, ID).outcome is PASS


def test_attempts_after_the_undo_belong_to_the_call_too() -> None:
    run = healthy()
    call = calls_with_attempts(run)[0]
    row = fail_once_more(run, call)
    row.accepted, row.ended = ns(UNDO + 1), ns(UNDO + 1.5)
    assert result(run, ID).outcome is FAIL


def test_calls_that_began_before_the_fault_was_verified_do_not_count() -> None:
    run = healthy()
    call = calls_with_attempts(run)[0]
    early = fail_once_more(run, call)
    early.accepted, early.ended = ns(ON - 0.1), ns(ON + 0.1)
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert seen.n == 10


def test_ten_calls_with_a_failing_attempt_are_enough_and_nine_are_not() -> None:
    run = healthy()
    for count, outcome in ((10, PASS), (9, INCONCLUSIVE)):
        kept = {call.call_id for call in calls_with_attempts(run)[:count]}
        ids = {s.span_id for s in run.spans if s.call_id in kept or not ns(ON) < s.started < ns(UNDO)}
        run.attempts = [a for a in run.attempts if a.edge != EDGE or a.parent_span_id in ids]
        assert result(run, ID).outcome is outcome
    assert result(run, ID).needed_n == 10


def unknown(number: int) -> HistoryBuilder:
    """So many of 200 attempts belong to no call."""
    run = healthy()
    call = calls_with_attempts(run)[0]
    for i in range(200 - 14 - number):
        run.attempt(run.call(EDGE, call.trace_id, None, ON + 6 + i * 0.01, 0.02), ON + 6 + i * 0.01, 0.01)
    for _ in range(number):
        run.plane_row(EDGE, ON + 7, 0.01)
    return run


def test_one_attempt_in_a_hundred_may_belong_to_nobody() -> None:
    assert result(unknown(2), ID).outcome is PASS
    seen = result(unknown(3), ID)
    assert seen.outcome is INCONCLUSIVE
    assert "3 of 200 attempts on orders:payments belong to no call" in seen.reason


def test_a_violation_is_one_even_if_other_attempts_belong_to_nobody() -> None:
    run = unknown(50)
    fail_once_more(run, calls_with_attempts(run)[0])
    assert result(run, ID).outcome is FAIL


def test_without_call_ids_attempts_with_one_parent_are_one_call() -> None:
    run = healthy()
    for span in run.spans:
        span.call_id = None
    assert result(run, ID).outcome is PASS
    fail_once_more(run, next(s for s in run.spans if s.span_id == calls_parent(run)))
    assert result(run, ID).outcome is FAIL


def calls_parent(run: HistoryBuilder) -> str | None:
    return next(s.parent_span_id for s in run.spans if s.attempt == 2 and s.edge == EDGE)


def test_with_the_injector_off_it_is_undecided() -> None:
    assert result(injector_off(), ID).outcome is INCONCLUSIVE


def test_without_a_policy_it_is_undecided() -> None:
    run = healthy()
    run.record = record(policies={})
    assert result(run, ID).outcome is INCONCLUSIVE


def test_a_fault_that_nobody_called_into_is_undecided() -> None:
    run = healthy()
    run.attempts = [a for a in run.attempts if a.edge != EDGE or not ns(ON) <= a.accepted < ns(UNDO)]
    assert result(run, ID).outcome is INCONCLUSIVE


# -- amplification ------------------------------------------------------------------------------------


def burst(attempts: list[int]) -> HistoryBuilder:
    """Calls of the fault phase that made so many attempts each, and 100 that an open breaker kept from any."""
    run = expecting(healthy(), kind="retry_amplification", edge=EDGE, at_most=2)
    run.spans = [s for s in run.spans if not (s.edge == EDGE and ns(ON) < s.started < ns(UNDO))]
    run.attempts = [a for a in run.attempts if a.edge != EDGE or not ns(ON) <= a.accepted < ns(UNDO)]
    for i, number in enumerate(attempts):
        call = run.call(EDGE, run.id(32), None, ON + 1 + i * 0.05, 0.05)
        for attempt in range(number):
            run.attempt(call, ON + 1 + i * 0.05 + attempt * 0.01, 0.005, number=attempt + 1)
    for i in range(100):
        run.call(EDGE, run.id(32), None, ON + 10 + i * 0.05, 0.001, outcome="rejected_breaker")
    return run


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [
        ([1] * 60 + [2] * 40, PASS),
        ([2] * 60 + [3] * 40, FAIL),
        ([1] * 30 + [3] * 29, INCONCLUSIVE),
        ([1] * 29, INCONCLUSIVE),
        ([1] * 30, PASS),
    ],
)
def test_the_interval_of_the_mean_decides(attempts: list[int], outcome: Outcome) -> None:
    assert result(burst(attempts), MEAN).outcome is outcome


def test_calls_that_an_open_breaker_refused_do_not_dilute_the_mean() -> None:
    seen = result(burst([2] * 50 + [3] * 50), MEAN)
    assert seen.observed == Value(number=2.5, unit="per_call")
    assert seen.n == 100


def test_without_a_fault_on_the_mean_is_undecided() -> None:
    run = expecting(injector_off(), kind="retry_amplification", edge=EDGE, at_most=2)
    assert result(run, MEAN).outcome is INCONCLUSIVE


def test_a_mean_without_calls_is_undecided() -> None:
    assert result(burst([]), MEAN).outcome is INCONCLUSIVE


# -- needs --------------------------------------------------------------------------------------------


def test_a_caller_without_spans_is_refused() -> None:
    run = healthy()
    run.record = run.record.model_copy(update={"traced": []})
    facts = Facts.of_run(run.record)
    bounded = RetriesBounded.model_validate({"kind": "retries_bounded", "edge": EDGE})
    mean = RetryAmplification.model_validate({"kind": "retry_amplification", "edge": EDGE, "at_most": 2})
    assert len(retries_bounded_needs(bounded, facts)) == 1
    assert len(retry_amplification_needs(mean, facts)) == 1
    assert retries_bounded_needs(bounded, Facts.of_run(healthy().record)) == []
    assert retry_amplification_needs(mean, Facts.of_run(healthy().record)) == []
