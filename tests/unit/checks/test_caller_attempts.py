"""Runs whose fault plane keeps no record: the same verdict from the callers' spans, and no pass without them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, END, FAULT, ON, UNDO, healthy, record
from tests.history_builder import HistoryBuilder, MetricRow, SpanRow, ns
from tests.unit.checks.asking import rescripted, result
from workbench.checks import judge
from workbench.model.events import FaultLost, FaultOff
from workbench.model.planes import PlaneName
from workbench.model.verdict import Outcome, Verdict
from workbench.reporting.injected import what_was_done

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

A2 = f"A2:{FAULT}"


def by_callers(run: HistoryBuilder) -> HistoryBuilder:
    """The same run on the real Toxiproxy: no rows of a plane, and callers that count their attempts."""
    run.record = run.record.model_copy(update={"fault_plane": PlaneName.TOXIPROXY})
    run.attempts = []
    run.replace(FaultOff, counts={})
    for journey in run.journeys:
        assert journey.trace_id is not None
        run.span(journey.trace_id, None, "front", journey.started / 1e9, 0.001, kind="server")
    count(run)
    return run


def count(run: HistoryBuilder) -> None:
    for service in ("front", "orders"):
        made = sum(span.service == service for span in attempts(run))
        for at, value in ((0.2, 5.0), (END + 2.2, 5.0 + made)):
            labels = '{"edge":"e","outcome":"ok"}'
            run.metrics.append(MetricRow(ns(at), service, "workbench_edge_attempts_total", labels, value))


def attempts(run: HistoryBuilder, edge: str | None = None) -> list[SpanRow]:
    return [span for span in run.spans if span.attempt is not None and edge in (None, span.edge)]


def hit(run: HistoryBuilder) -> list[SpanRow]:
    return [span for span in attempts(run, EDGE) if ns(ON) <= span.started < ns(UNDO)]


def said(verdict: Verdict) -> dict[str, Any]:
    return {check.id: (check.outcome, check.n) for check in verdict.checks if check.id != "V4"}


def test_the_same_run_gets_the_same_verdict() -> None:
    """Every check, every outcome, every number of cases: as with the plane's own rows."""
    assert said(judge(healthy().build())) == said(judge(by_callers(healthy()).build()))
    assert judge(by_callers(healthy()).build()).outcome is PASS


def test_its_rows_are_marked_as_the_callers_own() -> None:
    history = by_callers(healthy()).build()
    assert [("caller",)] == history.rows("SELECT DISTINCT source FROM edge_attempts")
    assert (0,) == history.row("SELECT count(ordinal) FROM attempts")


def test_every_attempt_that_began_while_the_fault_was_on_is_hit() -> None:
    run = by_callers(healthy())
    first, *_, last = sorted(hit(run), key=lambda span: span.started)
    first.started, last.started = ns(ON), ns(UNDO)
    history = run.build()
    assert (len(hit(run)),) == history.row("SELECT count(*) FROM edge_attempts WHERE hit")
    assert (ns(ON),) == history.row("SELECT min(started) FROM edge_attempts WHERE hit")
    seen = result(run, A2)
    assert (PASS, len(hit(run))) == (seen.outcome, seen.n)
    assert "by the callers' spans" in seen.reason


def test_a_lost_fault_hits_until_it_was_found_lost() -> None:
    run = by_callers(healthy())
    run.journal.append(FaultLost(at_ns=ns(ON + 1), fault=FAULT, target=EDGE, reason="the server died"))
    undo = next(event for event in run.journal if event.event == "fault_undo_requested")
    run.journal.remove(undo)
    run.journal.remove(next(event for event in run.journal if event.event == "fault_off"))
    expected = sum(span.started < ns(ON + 1) for span in hit(run))
    assert (expected,) == run.build().row("SELECT count(*) FROM edge_attempts WHERE hit")
    assert INCONCLUSIVE is result(run, A2).outcome


def test_a_fault_that_nobody_felt_is_undecided() -> None:
    """The injector says that it was on, and the callers were answered at once."""
    run = by_callers(healthy())
    for span in hit(run):
        span.ended, span.outcome = span.started + ns(0.01), "ok"
    seen = result(run, A2)
    assert (INCONCLUSIVE, 0.0) == (seen.outcome, getattr(seen.observed, "number", None))


@pytest.mark.parametrize(("seconds", "outcome"), [(0.2, PASS), (0.014, INCONCLUSIVE)])
def test_what_a_slow_edge_adds_is_what_is_beyond_baseline(seconds: float, outcome: Outcome) -> None:
    """No plane says what it added; attempts took 15 ms in baseline."""
    slow = {"id": FAULT, "kind": "bandwidth", "edge": EDGE, "rate": "1KB/s"}
    run = by_callers(rescripted(healthy(), faults=[slow]))
    for span in hit(run):
        span.outcome, span.ended = "ok", span.started + ns(seconds)
    assert outcome is result(run, A2).outcome
    run.spans = [span for span in run.spans if span.attempt is None or span.started >= ns(ON)]
    assert INCONCLUSIVE is result(run, A2).outcome  # without a baseline nothing is beyond it


def test_a_delay_that_is_widely_spread_was_felt_where_the_shortest_one_was() -> None:
    late = {"id": FAULT, "kind": "latency", "edge": EDGE, "delay": "300ms", "jitter": "200ms"}
    run = by_callers(rescripted(healthy(), faults=[late]))
    for i, span in enumerate(hit(run)):
        span.outcome, span.ended = "ok", span.started + ns(0.115 + 0.01 * i)
    assert PASS is result(run, A2).outcome


def test_without_spans_nothing_is_shown() -> None:
    run = by_callers(healthy())
    run.spans = []
    assert INCONCLUSIVE is result(run, A2).outcome
    assert INCONCLUSIVE is judge(run.build()).outcome


def test_a_call_of_too_many_attempts_fails() -> None:
    run = by_callers(healthy())
    call = hit(run)[0].call_id
    for span in [span for span in hit(run) if span.call_id != call][:2]:
        span.call_id = call
    assert FAIL is result(run, f"A3:{EDGE}").outcome


def test_an_attempt_beyond_its_timeout_fails() -> None:
    run = by_callers(healthy())
    hit(run)[5].ended += ns(0.3)
    assert FAIL is result(run, f"A10:{EDGE}").outcome


@pytest.mark.parametrize(
    ("outcome", "status", "end_reason", "failed"),
    [
        ("ok", 200, "complete", False),
        ("client_error", 404, "complete", False),
        ("server_error", 503, "complete", True),
        ("server_error", None, "complete", True),
        ("rate_limited", None, "complete", True),
        ("invalid", 200, "complete", True),
        ("deadline", 504, "complete", True),
        ("timeout", None, "client_gone", True),
        ("cancelled", None, "client_gone", True),
        ("connection_lost", None, "cut", True),
        (None, 200, "complete", False),
        (None, 500, "complete", True),
    ],
)
def test_ends_are_read_from_outcomes(outcome: str | None, status: int | None, end_reason: str, failed: bool) -> None:
    run = by_callers(healthy())
    span = attempts(run, EDGE)[0]
    run.spans = [span]
    span.outcome = outcome
    span.attributes = "{}" if status is None else f'{{"http.response.status_code":{status}}}'
    history = run.build()
    assert [(status, end_reason)] == history.rows("SELECT status, end_reason FROM attempts")
    assert [(failed,)] == history.rows("SELECT failed FROM edge_attempts")


def test_a_span_with_an_error_and_no_outcome_was_cut() -> None:
    run = by_callers(healthy())
    span = attempts(run, EDGE)[0]
    run.spans = [span]
    span.outcome, span.status = None, "error"
    assert [("cut", True)] == run.build().rows("SELECT a.end_reason, e.failed FROM attempts a, edge_attempts e")


def test_a_refused_connection_is_one_attempt() -> None:
    run = by_callers(healthy())
    span = attempts(run, EDGE)[0]
    run.spans = [span]
    span.outcome = "connect_refused"
    assert [("", True, "caller")] == run.build().rows("SELECT faults, failed, source FROM edge_attempts")


def test_a_span_that_was_sent_twice_is_one_attempt() -> None:
    run = by_callers(healthy())
    run.spans += attempts(run)
    history = run.build()
    assert (len(attempts(healthy())),) == history.row("SELECT count(*) FROM edge_attempts")
    assert (len(attempts(healthy())),) == history.row("SELECT count(*) FROM attempts")


def test_refusing_connections_is_judged_by_what_callers_say() -> None:
    run = by_callers(rescripted(healthy(), faults=[{"id": FAULT, "kind": "refuse", "edge": EDGE}]))
    run.journal = [
        event.model_copy(update={"evidence": {"canary": "refused", "closed_ns": ns(UNDO - ON)}})
        if event.event in {"fault_on", "fault_off"}
        else event
        for event in run.journal
    ]
    run.record = run.record.model_copy(update={"fault_plane": PlaneName.TOXIPROXY})
    for span in hit(run):
        span.outcome, span.ended = "connect_refused", span.started + ns(0.001)
    seen = result(run, A2)
    assert (PASS, len(hit(run))) == (seen.outcome, seen.n)
    hit(run)[0].outcome = "ok"
    assert "got through" in result(run, A2).reason


@pytest.mark.parametrize(("lost", "outcome"), [(6, PASS), (7, INCONCLUSIVE)])
def test_one_attempt_in_a_hundred_that_was_counted_may_lack_its_span(lost: int, outcome: Outcome) -> None:
    run = by_callers(healthy())
    assert 600 < len(attempts(run)) < 700
    victims = [span.span_id for span in attempts(run, "front:orders")[:lost]]
    run.spans = [span for span in run.spans if span.span_id not in victims]
    assert outcome is result(run, "V4").outcome


def test_callers_that_do_not_count_leave_open_whether_spans_are_missing() -> None:
    run = by_callers(healthy())
    run.metrics = [r for r in run.metrics if (r.name, r.service) != ("workbench_edge_attempts_total", "front")]
    assert PASS is result(run, "V4").outcome  # no fault is on an edge of `front`
    run.metrics = [r for r in run.metrics if r.name != "workbench_edge_attempts_total"]
    seen = result(run, "V4")
    assert INCONCLUSIVE is seen.outcome
    assert "orders does not count in workbench_edge_attempts_total" in seen.reason


def test_the_report_says_whose_words_they_are() -> None:
    run = by_callers(healthy())
    (told,) = what_was_done(run.build())
    assert f"hit {len(hit(run))} attempts: all that the caller made meanwhile, by its own spans" == told.hits


def test_runs_of_the_built_in_plane_are_judged_as_ever() -> None:
    assert PlaneName.BUILTIN is record().fault_plane


def test_journeys_have_to_be_in_the_traces() -> None:
    """Spans that belong to other traces are nobody's attempts."""
    run = by_callers(healthy())
    for span in run.spans:
        span.trace_id = "f" + span.trace_id[1:]
    seen = result(run, "V4")
    assert INCONCLUSIVE is seen.outcome
    assert "journeys that ended well are in the spans" in seen.reason
