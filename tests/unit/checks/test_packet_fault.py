"""A2 for faults on packets: what was counted, and what the callers' own spans say of it."""

from __future__ import annotations

import pytest

from tests.histories import EDGE, FAULT, ON, SCENARIO, UNDO, healthy, plan, record
from tests.history_builder import HistoryBuilder, SpanRow, ns
from tests.unit.checks.asking import rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.fallback import fallback_served_power
from workbench.checks.fault_effective import fault_power
from workbench.checks.process_fault import process_fault_needs
from workbench.model.events import FaultOff
from workbench.model.verdict import Outcome, Value

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE

ID = f"A2:{FAULT}"
LOSSY = {"id": FAULT, "kind": "packet_loss", "edge": EDGE, "loss": "10%"}
EXPECT = [{"kind": "timeout_bound", "edge": EDGE}]


def lossy(packets: int = 400, lost: int = 40) -> HistoryBuilder:
    """The healthy run with packets lost instead of answers late: 14 attempts took so long that callers gave up."""
    run = rescripted(healthy(), faults=[LOSSY], expect=EXPECT)
    for row in run.on_edge(EDGE, hit=True):
        row.faults = row.decisions = ""
        row.ended, row.status, row.end_reason = row.accepted + ns(0.015), 200, "complete"
    run.replace(FaultOff, counts={"packets": packets, "packets_hit": lost})
    return run


def waiting(run: HistoryBuilder) -> list[SpanRow]:
    """The callers' attempts while it was on."""
    return [
        span
        for span in run.spans
        if span.edge == EDGE and span.attempt is not None and ns(ON) <= span.started < ns(UNDO)
    ]


def test_what_callers_waited_for_is_evidence_though_the_plane_saw_nothing_of_it() -> None:
    seen = result(lossy(), ID)
    assert seen.outcome is PASS
    assert seen.reason is not None
    assert "40 of 400 packets were lost" in seen.reason
    assert "14 failed" in seen.reason
    assert (14, Value(number=0.1, unit="ratio")) == (seen.n, seen.observed)
    assert seen.evidence


@pytest.mark.parametrize(("lost", "outcome"), [(9, INCONCLUSIVE), (10, PASS)])
def test_enough_has_to_be_lost(lost: int, outcome: Outcome) -> None:
    assert result(lossy(lost=lost), ID).outcome is outcome


@pytest.mark.parametrize(("slow_s", "outcome"), [(0.2, PASS), (0.02, INCONCLUSIVE)])
def test_callers_have_to_feel_it(slow_s: float, outcome: Outcome) -> None:
    run = lossy()
    for span in waiting(run):
        span.outcome, span.status, span.ended = "ok", "unset", span.started + ns(slow_s)
    seen = result(run, ID)
    assert seen.outcome is outcome
    assert f"0 failed and {14 if outcome is PASS else 0} took longer than twice the usual" in str(seen.reason)


def test_a_span_that_came_twice_is_one_attempt() -> None:
    run = lossy()
    run.spans += waiting(run)
    assert 14 == result(run, ID).n


def test_without_a_count_nothing_is_decided() -> None:
    run = lossy()
    run.replace(FaultOff, counts={})
    seen = result(run, ID)
    assert (INCONCLUSIVE, "the plane did not say how many packets were lost") == (seen.outcome, seen.reason)


def test_those_that_overtook_others_are_told_as_that() -> None:
    run = lossy()
    fault = {"id": FAULT, "kind": "packet_reorder", "edge": EDGE, "reorder": "25%", "delay": "50ms"}
    seen = result(rescripted(run, faults=[fault], expect=EXPECT), ID)
    assert seen.outcome is PASS
    assert "40 of 400 packets overtook others" in str(seen.reason)


def test_a_caller_without_spans_is_believed_by_the_count_and_that_is_said() -> None:
    run = lossy()
    run.record = run.record.model_copy(update={"traced": ["front"]})
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert "so that it felt it is not shown" in str(seen.reason)


@pytest.mark.parametrize(("loss", "expected", "sufficient"), [("100%", 240, True), ("5%", 12, False)])
def test_how_much_is_lost_is_weighed_before_the_run(loss: str, expected: int, sufficient: bool) -> None:
    """240 journeys in the phase. No breaker is counted on to keep any from being hit, or to fall back for all."""
    expect = [{"kind": "fallback_served", "journey": "checkout", "at_least": "90%"}]
    scenario = record({**SCENARIO, "faults": [LOSSY | {"loss": loss}], "expect": expect}).scenario
    facts = Facts.of_run(record().model_copy(update={"scenario": scenario}))
    (estimate,) = fault_power(facts, plan(scenario))
    assert (estimate.sufficient, estimate.samples) == (sufficient, {"fault": expected})
    (served,) = fallback_served_power(scenario.expect[0], facts, plan(scenario))  # type: ignore[arg-type]
    assert {"fault": expected // 2} == served.samples


def test_it_needs_a_baseline_to_be_seen_against() -> None:
    phases = [{"name": "fault", "duration": "20s"}]
    run = rescripted(healthy(), faults=[LOSSY], phases=phases, slos=[], expect=[]).record
    (problem,) = process_fault_needs(Facts.of_run(run))
    assert "packet_loss" in problem
    assert "needs a phase `baseline`" in problem
    assert [] == process_fault_needs(Facts.of_run(lossy().record))
