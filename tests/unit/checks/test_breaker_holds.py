"""A7: while the breaker is open only probes get through, and callers do not wait."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, ON, POLICIES, UNDO, healthy, injector_off, record
from tests.history_builder import HistoryBuilder, SpanRow, ns
from tests.unit.checks.asking import all_of, expecting, result
from tests.unit.checks.test_breaker_opens import breaker_off
from workbench.checks.breaker_holds import breaker_holds_needs
from workbench.checks.facts import Facts
from workbench.model.expectations import BreakerHolds
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

PROBES, ANSWERS = "A7:orders:payments/probes", "A7:orders:payments/answers"


def refused(run: HistoryBuilder) -> list[SpanRow]:
    return [s for s in run.spans if s.edge == EDGE and s.outcome == "rejected_breaker" and s.started < ns(UNDO)]


def leak(run: HistoryBuilder, at_s: float, number: int = 1) -> HistoryBuilder:
    """So many refused calls made an attempt after all."""
    for call in [s for s in refused(run) if s.started > ns(at_s)][:number]:
        run.attempt(
            call,
            call.started / 1e9,
            0.5,
            fault=FAULT,
            status=None,
            end_reason="client_gone",
            outcome="timeout",
        )
    return run


def test_a_breaker_that_holds_passes() -> None:
    seen = result(healthy(), PROBES)
    assert seen.outcome is PASS
    assert seen.n == 109
    assert "4 probes reached the callee" in seen.reason


def test_an_attempt_between_the_probes_fails() -> None:
    seen = result(leak(healthy(), ON + 7), PROBES)
    assert seen.outcome is FAIL
    assert seen.evidence


def test_two_probes_at_once_fail_where_one_is_allowed() -> None:
    run = healthy()
    probe = sorted(run.on_edge(EDGE, hit=True), key=lambda a: a.accepted)[10]
    leak(run, probe.accepted / 1e9 - 0.4)
    assert result(run, PROBES).outcome is FAIL


def test_two_probes_at_once_pass_where_two_are_allowed() -> None:
    run = leak(healthy(), ON + 5.2)
    assert result(run, PROBES).outcome is FAIL
    edge = {**POLICIES["edges"][EDGE], "breaker": {**POLICIES["edges"][EDGE]["breaker"], "half_open_probes": 2}}
    run.record = record(policies={"edges": {EDGE: edge}})
    assert result(run, PROBES).outcome is PASS


@pytest.mark.parametrize(("part", "outcome"), [(0.91, PASS), (0.89, FAIL)])
def test_a_probe_may_come_a_tenth_before_the_reset_timeout(part: float, outcome: Outcome) -> None:
    run = healthy()
    probes = sorted(run.on_edge(EDGE, hit=True), key=lambda a: a.accepted)[10:]
    probes[1].accepted = probes[0].accepted + ns(4.0 * part)
    assert result(run, PROBES).outcome is PASS  # the caller sent it in time
    run.spans = [s for s in run.spans if s.span_id != probes[1].parent_span_id]
    assert result(run, PROBES).outcome is outcome


def test_after_a_probe_that_succeeded_it_may_close() -> None:
    """The fault let one probe through unharmed, so attempts flow again, and that is no violation."""
    run = healthy()
    probes = sorted(run.on_edge(EDGE, hit=True), key=lambda a: a.accepted)[10:]
    probes[1].status, probes[1].end_reason = 200, "complete"
    leak(run, probes[1].ended / 1e9 + 0.1, number=10)
    seen = result(run, PROBES)
    assert seen.outcome is PASS
    assert seen.windows[0].end_ns == probes[1].ended


def test_ten_calls_without_an_attempt_show_that_it_held() -> None:
    run = healthy()
    gone = {s.span_id for s in refused(run)[10:]}
    run.spans = [s for s in run.spans if s.span_id not in gone]
    assert result(run, PROBES).outcome is PASS
    last = refused(run)[-1]
    run.spans = [s for s in run.spans if s.span_id != last.span_id]
    seen = result(run, PROBES)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 10


def test_answers_at_once_pass() -> None:
    seen = result(healthy(), ANSWERS)
    assert seen.outcome is PASS
    assert seen.observed == Value(number=1_000_000, unit="ns")


def slow_answers(number: int, seconds: float = 0.3) -> HistoryBuilder:
    run = healthy()
    for call in refused(run)[:number]:
        call.ended = call.started + ns(seconds)
    return run


@pytest.mark.parametrize(("slow", "outcome"), [(0, PASS), (1, INCONCLUSIVE), (10, INCONCLUSIVE), (11, FAIL)])
def test_the_interval_of_p95_decides(slow: int, outcome: Outcome) -> None:
    """Of 109 values p95 lies between the 99th and the last."""
    assert result(slow_answers(slow), ANSWERS).outcome is outcome


def test_the_limit_of_the_expectation_counts() -> None:
    run = slow_answers(109, 0.1)
    assert result(run, ANSWERS).outcome is PASS
    assert result(expecting(run, kind="breaker_holds", edge=EDGE, answer_within="99ms"), ANSWERS).outcome is FAIL


def test_with_fewer_than_72_calls_p95_has_no_upper_bound() -> None:
    run = healthy()
    gone = {s.span_id for s in refused(run)[71:]}
    run.spans = [s for s in run.spans if s.span_id not in gone]
    seen = result(run, ANSWERS)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 72


def test_a_breaker_that_never_opened_had_nothing_to_hold() -> None:
    assert {r.outcome for r in all_of(breaker_off(), "A7")} == {INCONCLUSIVE}


def test_with_the_injector_off_it_is_undecided() -> None:
    assert {r.outcome for r in all_of(injector_off(), "A7")} == {INCONCLUSIVE}


def test_a_caller_without_spans_is_refused() -> None:
    run = healthy()
    run.record = run.record.model_copy(update={"traced": ["front"]})
    spec = BreakerHolds.model_validate({"kind": "breaker_holds", "edge": EDGE})
    (problem,) = breaker_holds_needs(spec, Facts.of_run(run.record))
    assert "say `traces: true` at service orders" in problem
    assert breaker_holds_needs(spec, Facts.of_run(healthy().record)) == []
