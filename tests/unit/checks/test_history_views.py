"""What all checks share: phases, transitions, calls and attempts, as views of the tables."""

from __future__ import annotations

from tests.histories import EDGE, FAULT, OFF, ON, UNDO, healthy
from tests.history_builder import ns
from workbench.checks import judge
from workbench.checks.at_hand import put_at_hand
from workbench.model.events import FaultOff, FaultOn, FaultUndoRequested


def test_a_stream_sees_the_views() -> None:
    """A cursor is a connection of its own: it does not see what is temporary."""
    history = healthy().build()
    assert len(list(history.stream("SELECT 1 FROM journeys"))) == len(healthy().journeys)


def test_two_streams_can_be_read_in_turns() -> None:
    history = healthy().build()
    first = history.stream("SELECT intended FROM journeys ORDER BY intended")
    second = history.stream("SELECT started FROM edge_attempts ORDER BY started")
    assert [next(first), next(second), next(first)] == [(0,), (2_000_000,), (83_333_333,)]


def test_journeys_between_phases_belong_to_none() -> None:
    history = healthy().build()
    rows = history.rows("SELECT intended FROM journeys WHERE phase IS NULL ORDER BY intended")
    assert rows
    assert all(ns(23) <= at < ns(ON) or ns(UNDO) <= at < ns(OFF) for (at,) in rows)


def test_a_transition_lasts_from_the_request_to_its_verified_effect() -> None:
    assert healthy().build().transitions() == [(ns(23.0), ns(ON), False), (ns(UNDO), ns(OFF), True)]


def test_journeys_that_run_at_any_moment_of_a_transition_are_crossing() -> None:
    run = healthy()
    before, within, during, after = run.journeys[:4]
    for row, start, end in ((before, 22.0, 22.99), (within, 22.9, 23.01), (during, 23.01, 23.02), (after, 23.06, 24.0)):
        row.intended, row.ended = ns(start), ns(end)
    rows = run.build().rows("SELECT crossing FROM journeys WHERE arrival < 4 ORDER BY arrival")
    assert rows == [(False,), (True,), (True,), (False,)]


def test_a_transition_that_was_never_verified_has_no_length() -> None:
    run = healthy()
    run.drop(FaultOn, FaultUndoRequested, FaultOff)
    assert run.build().transitions() == [(ns(23.0), ns(23.0), False)]


def test_a_refused_call_made_no_attempt_at_all() -> None:
    run = healthy()
    history = run.build()
    put_at_hand(history, EDGE)
    expected = {s.started for s in run.spans if s.edge == EDGE and s.outcome == "rejected_breaker"}
    assert {at for (at,) in history.rows("SELECT started FROM refused_at_hand")} == expected


def test_attempts_are_put_at_hand_once_for_each_edge() -> None:
    run = healthy()
    history = run.build()
    for edge in (EDGE, EDGE, "front:orders"):
        put_at_hand(history, edge)
    (rows,) = history.row("SELECT count(*) FROM attempts_at_hand")
    assert rows == len(run.attempts)


def test_a_span_that_was_sent_twice_makes_no_second_attempt() -> None:
    """An exporter that got no answer sends its batch again."""
    run = healthy()
    before = judge(run.build())
    run.spans += run.spans
    assert judge(run.build()).outcome is before.outcome
    (attempts,) = run.build().row("SELECT count(*) FROM edge_attempts")
    assert attempts == len(run.attempts)


def test_a_row_without_faults_is_not_hit_whichever_way_nothing_was_written() -> None:
    run = healthy()
    run.attempts[0].faults = None  # type: ignore[assignment]
    (hits,) = run.build().row("SELECT count(*) FROM edge_attempts WHERE hit")
    assert hits == sum(FAULT in (a.faults or "") for a in run.attempts)


def test_answers_that_several_checks_need_are_computed_once() -> None:
    history = healthy().build()
    asked: list[int] = []
    for _ in range(3):
        history.once("answer", lambda: asked.append(1))
    assert asked == [1]


def test_an_answer_that_its_caller_could_not_read_is_a_failure() -> None:
    """Status 200 and a body of garbage: the caller tries again, and says why."""
    run = healthy()
    attempt = next(a for a in run.attempts if a.status == 200)
    failed = "SELECT failed FROM edge_attempts WHERE edge = ? AND ordinal = ?"
    assert run.build().row(failed, attempt.edge, attempt.ordinal) == (False,)
    next(s for s in run.spans if s.span_id == attempt.parent_span_id).outcome = "invalid"
    assert run.build().row(failed, attempt.edge, attempt.ordinal) == (True,)
