"""A2 for refused connections: the plane was closed, a canary was refused, and the callers say so too."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, OFF, ON, healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import rescripted, result
from workbench.model.events import FaultOff, FaultOn
from workbench.model.verdict import Outcome, Value

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE

ID = f"A2:{FAULT}"


def refused() -> HistoryBuilder:
    """The healthy run with connections refused instead of answers late: no plane rows, only the callers' spans."""
    expect = [
        {"kind": "breaker_opens", "edge": EDGE, "within": "3s"},
        {"kind": "breaker_holds", "edge": EDGE},
        {"kind": "retries_bounded", "edge": EDGE},
    ]
    run = rescripted(healthy(), faults=[{"id": FAULT, "kind": "refuse", "edge": EDGE}], expect=expect)
    hit = {a.parent_span_id for a in run.on_edge(EDGE, hit=True)}
    run.attempts = [a for a in run.attempts if not a.faults]
    for span in run.spans:
        if span.span_id in hit:
            span.outcome = "connect_refused"
    run.replace(FaultOn, evidence={"canary": "refused"})
    run.replace(FaultOff, evidence={"canary": "answered", "closed_ns": ns(OFF - ON)})
    return run


def test_refused_callers_are_evidence() -> None:
    seen = result(refused(), ID)
    assert seen.outcome is PASS
    assert seen.n == 14
    assert seen.observed == Value(number=1.0, unit="ratio")


@pytest.mark.parametrize("check", ["A3:orders:payments", "A6:orders:payments", "A6:orders:payments/threshold"])
def test_refused_attempts_are_attempts_of_the_other_checks(check: str) -> None:
    assert result(refused(), check).outcome is PASS


def test_without_a_refused_canary_nothing_was_refused() -> None:
    run = refused()
    run.replace(FaultOn, evidence={"canary": "answered"})
    assert result(run, ID).outcome is INCONCLUSIVE
    run.replace(FaultOn, evidence={})
    assert result(run, ID).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("closed_s", "outcome"), [(18.1, PASS), (17.9, INCONCLUSIVE)])
def test_the_socket_has_to_be_closed_for_nine_tenths_of_the_time(closed_s: float, outcome: Outcome) -> None:
    """The fault was on for 20 s."""
    run = refused()
    run.replace(FaultOff, evidence={"closed_ns": ns(closed_s)})
    assert result(run, ID).outcome is outcome


def test_a_plane_that_does_not_say_how_long_it_was_closed_is_no_evidence() -> None:
    run = refused()
    run.replace(FaultOff, evidence={"canary": "answered"})
    assert "does not say how long" in result(run, ID).reason


def test_a_request_that_got_through_disproves_it() -> None:
    run = refused()
    run.plane_row(EDGE, ON + 5, 0.01)
    assert "1 request got through" in result(run, ID).reason


def test_too_few_refusals_are_undecided() -> None:
    run = refused()
    spans = [s for s in run.spans if s.outcome == "connect_refused"]
    for span in spans[9:]:
        span.outcome = "connection_lost"
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 10


def test_four_fifths_of_the_callers_attempts_have_to_be_refused() -> None:
    run = refused()
    spans = [s for s in run.spans if s.outcome == "connect_refused"]
    for span in spans[:2]:
        span.outcome = "ok"
    assert result(run, ID).outcome is PASS
    spans[2].outcome = "ok"
    assert result(run, ID).outcome is INCONCLUSIVE


def test_where_the_caller_sends_no_spans_the_plane_s_evidence_stands_alone_and_says_so() -> None:
    run = refused()
    run.spans = []
    run.record = run.record.model_copy(update={"traced": ["front"]})
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert "the caller sends no spans" in seen.reason


def flapping(closed_s: float) -> HistoryBuilder:
    """On for 4 s of every 10 s; the fault was there for 20 s."""
    run = refused()
    faults = [{"id": FAULT, "kind": "refuse", "edge": EDGE, "schedule": {"period": "10s", "duty": "40%"}}]
    run = rescripted(run, faults=faults, expect=[])
    run.replace(FaultOff, evidence={"closed_ns": ns(closed_s)})
    return run


@pytest.mark.parametrize(("closed_s", "outcome"), [(8.0, PASS), (7.3, PASS), (7.1, INCONCLUSIVE)])
def test_one_that_flaps_closes_the_socket_for_its_share_of_the_time(closed_s: float, outcome: Outcome) -> None:
    assert result(flapping(closed_s), ID).outcome is outcome


def test_requests_get_through_while_one_that_flaps_is_off() -> None:
    """How many are refused depends on the callers' breakers; that enough were is asked for all the same."""
    run = flapping(8.0)
    run.plane_row(EDGE, ON + 5, 0.01)
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert "closed again and again" in seen.reason
    for span in [s for s in run.spans if s.outcome == "connect_refused"][9:]:
        span.outcome = "connection_lost"
    assert result(run, ID).outcome is INCONCLUSIVE
