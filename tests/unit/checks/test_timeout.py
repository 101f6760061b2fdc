"""A10: what a fault holds up ends within its timeout, by the kinder of two clocks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, FAULT, ON, SCENARIO, healthy, injector_off, record
from tests.history_builder import AttemptRow, HistoryBuilder, ns
from tests.unit.checks.asking import rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.timeout import timeout_bound_needs
from workbench.model.expectations import TimeoutBound
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

ID = "A10:orders:payments"


def lasting(run: HistoryBuilder, attempt: AttemptRow, *, plane_s: float, caller_s: float | None = None) -> None:
    attempt.ended = attempt.accepted + ns(plane_s)
    for span in run.spans:
        if span.span_id == attempt.parent_span_id:
            span.ended = span.started + ns(plane_s if caller_s is None else caller_s)


def test_attempts_that_end_by_their_timeout_pass() -> None:
    seen = result(healthy(), ID)
    assert seen.outcome is PASS
    assert seen.n == 14
    assert seen.observed == Value(number=ns(0.5), unit="ns")


@pytest.mark.parametrize(("seconds", "outcome"), [(0.75, PASS), (0.751, FAIL)])
def test_the_limit_is_timeout_and_slack(seconds: float, outcome: Outcome) -> None:
    run = healthy()
    lasting(run, run.on_edge(EDGE, hit=True)[5], plane_s=seconds)
    assert result(run, ID).outcome is outcome


def test_a_violation_is_named_by_its_trace() -> None:
    run = healthy()
    attempt = run.on_edge(EDGE, hit=True)[5]
    lasting(run, attempt, plane_s=0.9)
    assert [e.ref for e in result(run, ID).evidence] == [attempt.trace_id]


def test_a_process_stalled_on_one_side_accuses_nobody() -> None:
    run = healthy()
    lasting(run, run.on_edge(EDGE, hit=True)[4], plane_s=0.5, caller_s=2.0)
    lasting(run, run.on_edge(EDGE, hit=True)[5], plane_s=2.0, caller_s=0.5)
    assert result(run, ID).outcome is PASS


def test_without_a_caller_s_span_the_plane_alone_decides() -> None:
    run = healthy()
    run.spans = []
    assert result(run, ID).outcome is PASS
    run.on_edge(EDGE, hit=True)[5].ended += ns(1)
    assert result(run, ID).outcome is FAIL


def test_attempts_that_were_answered_before_the_timeout_show_nothing() -> None:
    """Of 14 hit attempts 5 were answered after 300 ms: what is left is less than ten."""
    run = healthy()
    for attempt in run.on_edge(EDGE, hit=True)[:4]:
        lasting(run, attempt, plane_s=0.3)
    assert result(run, ID).outcome is PASS
    lasting(run, run.on_edge(EDGE, hit=True)[4], plane_s=0.3)
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert (seen.n, seen.needed_n) == (9, 10)


def test_attempts_that_no_fault_hit_do_not_count() -> None:
    run = healthy()
    run.plane_row(EDGE, ON + 6, 5.0)
    run.plane_row(EDGE, ON + 6, 5.0, fault=FAULT, canary=True)
    assert result(run, ID).outcome is PASS


def test_a_fault_that_hit_nothing_is_undecided() -> None:
    run = healthy()
    run.attempts = run.on_edge(EDGE, hit=False)
    assert result(run, ID).outcome is INCONCLUSIVE


def test_with_the_injector_off_it_is_undecided() -> None:
    assert result(injector_off(), ID).outcome is INCONCLUSIVE


def test_without_a_timeout_in_the_policy_it_is_undecided() -> None:
    run = healthy()
    run.record = record(policies={"edges": {EDGE: {"attempts": 2}}})
    assert result(run, ID).outcome is INCONCLUSIVE


# -- needs --------------------------------------------------------------------------------------------


def needs(run: HistoryBuilder) -> list[str]:
    spec = TimeoutBound.model_validate({"kind": "timeout_bound", "edge": EDGE})
    return timeout_bound_needs(spec, Facts.of_run(run.record))


@pytest.mark.parametrize(
    ("fault", "enough"),
    [
        ({"kind": "latency", "delay": "800ms"}, True),
        ({"kind": "latency", "delay": "450ms", "jitter": "100ms"}, True),
        ({"kind": "latency", "delay": "400ms", "jitter": "100ms"}, False),
        ({"kind": "blackhole"}, True),
        ({"kind": "http_status", "status": 503}, False),
        ({"kind": "refuse"}, False),
        ({"kind": "response_lost", "answer": "dropped"}, True),
        ({"kind": "response_lost", "answer": "closed"}, False),
        ({"kind": "response_lost", "answer": "replaced"}, False),
        ({"kind": "response_lost", "answer": "late", "delay": "501ms"}, True),
        ({"kind": "response_lost", "answer": "late", "delay": "500ms"}, False),
        ({"kind": "corrupt_body", "how": "empty"}, False),
        ({"kind": "fail_first", "count": 10}, False),
        ({"kind": "brownout", "concurrent": 1, "service_time": "501ms"}, True),
        ({"kind": "brownout", "concurrent": 1, "service_time": "500ms"}, False),
    ],
)
def test_a_fault_has_to_hold_attempts_up_beyond_the_timeout(fault: dict[str, Any], enough: bool) -> None:
    run = rescripted(healthy(), faults=[{"id": FAULT, "edge": EDGE, **fault}], expect=[])
    assert (needs(run) == []) is enough


def test_a_fault_that_is_too_short_is_refused_with_the_remedy() -> None:
    run = rescripted(healthy(), faults=[{**SCENARIO["faults"][0], "delay": "200ms"}], expect=[])
    (problem,) = needs(run)
    assert "longer than the timeout of 500ms" in problem
    assert "use `blackhole`, `pause`, or `latency` with a longer delay" in problem


def test_a_policy_without_a_timeout_is_refused() -> None:
    run = healthy()
    run.record = record(policies={"edges": {EDGE: {"attempts": 2}}})
    (problem,) = needs(run)
    assert "orders has no timeout on orders:payments" in problem
