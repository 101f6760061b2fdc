"""A23: failing traces hold the faulted edge as deepest error, and attempts are numbered in one trace."""

from __future__ import annotations

from tests.histories import EDGE, healthy
from tests.history_builder import HistoryBuilder, SpanRow
from tests.unit.checks.asking import expecting, result
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

ID = f"A23:{EDGE}"


def explained(at_least: str = "60%") -> HistoryBuilder:
    """The healthy run, in which attempts that the fault hit end with an error in their span, and so do all above."""
    run = expecting(healthy(), kind="traces_explain", edge=EDGE, at_least=at_least)
    for span in failing(run):
        span.status = "error"
    return run


def failing(run: HistoryBuilder) -> list[SpanRow]:
    """Return the callers' spans of attempts that were hit and failed."""
    hit = {row.parent_span_id for row in run.on_edge(EDGE, hit=True) if row.end_reason != "complete"}
    return [span for span in run.spans if span.span_id in hit]


def test_traces_that_say_where_they_failed_pass() -> None:
    seen = result(explained(), ID)
    assert PASS is seen.outcome, seen.reason
    assert Value(number=1.0, unit="ratio") == seen.observed


def test_a_trace_without_any_error_explains_nothing() -> None:
    run = explained()
    for span in failing(run):
        span.status = "unset"
    seen = result(run, ID)
    assert FAIL is seen.outcome
    assert "deepest error is elsewhere" in seen.reason
    assert seen.evidence


def test_an_error_deeper_down_elsewhere_hides_the_edge() -> None:
    run = explained()
    for span in failing(run):
        other = run.span(span.trace_id, span.parent_span_id, "orders", span.started / 1e9, 0.01, status="error")
        run.span(span.trace_id, other, "orders", span.started / 1e9, 0.01, status="error")
    assert FAIL is result(run, ID).outcome


def test_an_error_below_the_attempt_belongs_to_it() -> None:
    run = explained()
    for span in failing(run):
        run.span(span.trace_id, span.span_id, "payments", span.started / 1e9, 0.01, kind="server", status="error")
    assert PASS is result(run, ID).outcome


def test_attempts_without_numbers_from_one_on_fail() -> None:
    run = explained()
    for span in failing(run):
        assert span.attempt is not None
        span.attempt += 1
    seen = result(run, ID)
    assert FAIL is seen.outcome
    assert "not numbered" in seen.reason


def test_retries_in_a_trace_of_their_own_fail() -> None:
    """The context was lost between two attempts of one call."""
    run = explained()
    for span in failing(run):
        run.spans.append(SpanRow(run.id(32), run.id(), None, "orders", "attempt", "client", span.started, span.ended))
        run.spans[-1].edge, run.spans[-1].call_id, run.spans[-1].attempt = EDGE, span.call_id, 2
    seen = result(run, ID)
    assert FAIL is seen.outcome
    assert "another trace" in seen.reason


def test_a_span_that_was_sent_twice_counts_once() -> None:
    run = explained()
    run.spans += [SpanRow(**{name: getattr(span, name) for name in SpanRow.__slots__}) for span in failing(run)]
    assert PASS is result(run, ID).outcome


def test_parents_in_a_circle_end_the_search() -> None:
    run = explained()
    span = failing(run)[0]
    one = run.span(span.trace_id, span.span_id, "payments", 30, 0.01)
    two = run.span(span.trace_id, one, "payments", 30, 0.01)
    next(s for s in run.spans if s.span_id == one).parent_span_id = two
    assert result(run, ID).outcome in (PASS, INCONCLUSIVE)


def test_without_a_failing_attempt_there_is_nothing_to_explain() -> None:
    run = explained()
    for row in run.on_edge(EDGE, hit=True):
        row.faults = ""
    assert INCONCLUSIVE is result(run, ID).outcome


def test_too_few_traces_leave_it_open() -> None:
    assert INCONCLUSIVE is result(explained("99%"), ID).outcome
