"""A2: a fault that did not do what it was meant to do leaves the run undecided."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories import EDGE, FAULT, ON, SCENARIO, UNDO, healthy, injector_off
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import all_of, rescripted, result
from workbench.model.events import (
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
    FaultUndoRequested,
    GuardFired,
)
from workbench.model.faults.seeded import is_hit
from workbench.model.verdict import Outcome, Value

PASS, INCONCLUSIVE, NOT_APPLICABLE = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE

ID = f"A2:{FAULT}"


def test_a_fault_that_was_felt_passes_with_its_hits() -> None:
    seen = result(healthy(), ID)
    assert seen.outcome is PASS
    assert seen.n == 14
    assert seen.observed == Value(number=1.0, unit="ratio")
    assert seen.evidence


def test_the_plane_s_own_counts_have_to_agree_with_its_rows() -> None:
    run = healthy()
    run.replace(FaultOff, counts={"eligible": 14, "hit": 14, "passed": 0})
    assert result(run, ID).outcome is PASS
    run.replace(FaultOff, counts={"eligible": 16, "hit": 16, "passed": 0})
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "counted 16 requests as eligible, its rows show 14" in seen.reason


@pytest.mark.parametrize("told", [{}, {"hit": 14}, {"eligible": 14}])
def test_a_plane_that_did_not_say_what_it_counted_leaves_the_run_undecided(told: dict[str, int]) -> None:
    """Its rows from the first to any later one are numbered without a gap, too."""
    run = healthy()
    run.replace(FaultOff, counts=told)
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "the plane did not say how many requests it counted as" in seen.reason


def test_a_decision_that_the_seed_does_not_give_leaves_the_run_undecided() -> None:
    run = healthy()
    run.on_edge(EDGE, hit=True)[3].decisions = f"{FAULT}=3-"
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "1 of 14 decisions are not those of the seed" in seen.reason


@pytest.mark.parametrize("changed", [{3: 4}, {13: 14}, {12: 11, 13: 14}, {0: 1, 1: 0, 13: 99}])
def test_ordinals_that_are_missing_or_doubled_leave_the_run_undecided(changed: dict[int, int]) -> None:
    run = healthy()
    for number, ordinal in changed.items():
        run.on_edge(EDGE, hit=True)[number].decisions = f"{FAULT}={ordinal}+"
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "not all there" in seen.reason


def shared(seed: int) -> HistoryBuilder:
    """40 % of the requests on the edge are hit, as the given seed says; the scenario's seed is 7."""
    fault = {**SCENARIO["faults"][0], "kind": "http_status", "status": 503, "share": "40%"}
    del fault["delay"], fault["jitter"]
    run = rescripted(healthy(), faults=[fault])
    during = [a for a in run.on_edge(EDGE) if ns(ON) <= a.accepted < ns(UNDO)]
    while len(during) < 60:
        during.append(run.plane_row(EDGE, UNDO - 1, 0.01))
    for ordinal, attempt in enumerate(during):
        hit = is_hit(seed, FAULT, ordinal, 0.4)
        attempt.decisions = f"other=1+ {FAULT}={ordinal}{'+' if hit else '-'}"
        attempt.faults = f"other {FAULT}" if hit else "other"
        attempt.status = 503 if hit else 200
    return run


def test_a_partial_fault_is_recomputed_from_its_seed() -> None:
    seen = result(shared(seed=7), ID)
    assert seen.outcome is PASS
    assert seen.n == sum(is_hit(7, FAULT, i, 0.4) for i in range(60))


def test_another_seed_than_the_scenario_s_is_noticed() -> None:
    assert result(shared(seed=8), ID).outcome is INCONCLUSIVE


def test_a_fault_s_own_seed_stands_before_the_scenario_s() -> None:
    run = shared(seed=8)
    (fault,) = run.record.scenario.faults
    scenario = run.record.scenario.model_copy(update={"faults": [fault.model_copy(update={"seed": 8})]})
    run.record = run.record.model_copy(update={"scenario": scenario})
    assert result(run, ID).outcome is PASS


# -- counted by key, decided by connection ------------------------------------------------------------------------

TRACES = 12


def by_trace(**fields: Any) -> HistoryBuilder:
    """12 traces with two requests each on the edge, of which the first fails, and nothing else."""
    fault = {"id": FAULT, "kind": "fail_first", "edge": EDGE, "count": 1, "per": {"by": "trace"}} | fields
    run = rescripted(healthy(), faults=[fault])
    run.attempts = [a for a in run.attempts if a.edge != EDGE]
    for number in range(2 * TRACES):
        nth, trace = divmod(number, TRACES)
        attempt = run.plane_row(EDGE, ON + 0.1 + number * 0.1, 0.01, trace_id=f"{trace:032x}")
        attempt.ordinal = number
        attempt.decisions = f"other=3+ {FAULT}={number}/{nth}{'-' if nth else '+'}"
        attempt.faults, attempt.status = ("", 200) if nth else (FAULT, 503)
    return run


def test_requests_that_are_counted_by_key_are_recomputed() -> None:
    seen = result(by_trace(), ID)
    assert seen.outcome is PASS
    assert seen.n == TRACES


@pytest.mark.parametrize(
    ("number", "mark"),
    [
        (5, "5/1+"),  # not the second of its trace, and the second would not be hit
        (5, "5/0-"),  # the first has to be hit
        (20, "20/1+"),  # the second has not
        (20, "20/0+"),  # hit as the first, which it is not
        (20, "20/2-"),  # not the third
        (5, "5+"),  # not counted by key at all
    ],
)
def test_wrong_marks_of_counted_requests_are_noticed(number: int, mark: str) -> None:
    run = by_trace()
    run.on_edge(EDGE)[number].decisions = f"{FAULT}={mark}"
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "of 24 decisions are not those of the seed" in seen.reason


def test_a_count_without_a_key_is_noticed() -> None:
    run = healthy()
    run.on_edge(EDGE, hit=True)[3].decisions = f"{FAULT}=3/0+"
    assert "1 of 14 decisions are not those of the seed" in result(run, ID).reason


@pytest.mark.parametrize("by", [{"by": "edge"}, {"by": "path"}, {"by": "header", "header": "x-key"}])
def test_other_keys_are_recomputed_from_what_the_rows_tell(by: dict[str, str]) -> None:
    """By edge the count is the ordinal, by path the rows hold the key; a header is in no row."""
    run = by_trace(count=10, per=by)
    for number, attempt in enumerate(run.on_edge(EDGE)):
        attempt.path = f"/{number % 2}"
        nth = number // 2 if by["by"] == "path" else number
        hit = nth < 10
        attempt.decisions = f"{FAULT}={number}/{nth}{'+' if hit else '-'}"
        attempt.faults, attempt.status = (FAULT, 503) if hit else ("", 200)
    assert result(run, ID).outcome is PASS
    run.on_edge(EDGE)[3].decisions = f"{FAULT}=3/0+"
    assert result(run, ID).outcome is (PASS if by["by"] == "header" else INCONCLUSIVE)


def by_connection() -> HistoryBuilder:
    """30 connections with two requests each; half of the connections are hit."""
    fault = {"id": FAULT, "kind": "http_status", "edge": EDGE, "status": 503, "connection_share": "50%"}
    run = rescripted(healthy(), faults=[fault])
    run.attempts = [a for a in run.attempts if a.edge != EDGE]
    for number in range(60):
        attempt = run.plane_row(EDGE, ON + 0.1 + number * 0.1, 0.01)
        connection = number % 30
        hit = is_hit(7, FAULT, connection, 0.5)
        attempt.ordinal = number
        attempt.decisions = f"{FAULT}={connection}{'+' if hit else '-'}"
        attempt.faults, attempt.status = (FAULT, 503) if hit else ("", 200)
    return run


def test_a_share_of_connections_is_recomputed_from_their_numbers() -> None:
    seen = result(by_connection(), ID)
    assert seen.outcome is PASS
    assert seen.n == 2 * sum(is_hit(7, FAULT, i, 0.5) for i in range(30))


def test_a_connection_of_which_one_request_was_decided_otherwise_is_noticed() -> None:
    run = by_connection()
    attempt = run.on_edge(EDGE)[35]
    attempt.decisions = attempt.decisions.translate({ord("+"): "-", ord("-"): "+"})
    attempt.decisions = attempt.decisions.replace(FAULT.replace("-", "+"), FAULT)
    assert "1 of 60 decisions are not those of the seed" in result(run, ID).reason


def test_a_connection_that_is_missing_is_noticed() -> None:
    run = by_connection()
    run.attempts = [a for a in run.attempts if not a.decisions.startswith((f"{FAULT}=7+", f"{FAULT}=7-"))]
    assert "are not all there" in result(run, ID).reason


def test_altered_answers_are_felt_and_no_failures() -> None:
    """The callee's answer did arrive: whether it harmed is for callers to say."""
    fault = {"id": FAULT, "kind": "corrupt_body", "edge": EDGE, "how": "empty"}
    run = rescripted(healthy(), faults=[fault])
    hits = run.on_edge(EDGE, hit=True)
    for attempt in hits:
        attempt.status, attempt.end_reason = 200, "complete"
    assert result(run, ID).outcome is INCONCLUSIVE
    for attempt in hits:
        attempt.end_reason = "altered"
    assert result(run, ID).outcome is PASS
    rows = run.build().stream("SELECT failed FROM edge_attempts WHERE edge = ? AND end_reason = 'altered'", EDGE)
    assert {failed for (failed,) in rows} == {False}


def with_hits(number: int) -> HistoryBuilder:
    run = healthy()
    kept = run.on_edge(EDGE, hit=True)[:number]
    run.attempts = [a for a in run.attempts if not a.faults or a in kept]
    return run


def test_ten_hits_are_enough_by_default_and_nine_are_not() -> None:
    assert result(with_hits(10), ID).outcome is PASS
    seen = result(with_hits(9), ID)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 10


def test_a_fault_that_hit_nothing_is_undecided() -> None:
    assert result(with_hits(0), ID).outcome is INCONCLUSIVE


def unfelt(number: int) -> HistoryBuilder:
    """So many of the 14 hit attempts were answered before four fifths of their timeout of 500 ms, for both sides."""
    run = healthy()
    for attempt in run.on_edge(EDGE, hit=True)[:number]:
        attempt.ended = attempt.accepted + ns(0.399)
        attempt.end_reason, attempt.status = "complete", 200
        span = next(s for s in run.spans if s.span_id == attempt.parent_span_id)
        span.ended = span.started + ns(0.399)
    return run


def test_what_the_caller_felt_is_read_from_its_own_span() -> None:
    """A plane that was stalled takes requests up late, and sees them for a shorter time than they waited."""
    run = healthy()
    for attempt in run.on_edge(EDGE, hit=True):
        attempt.accepted = attempt.ended - ns(0.2)
    assert result(run, ID).outcome is PASS
    run.spans = []
    assert result(run, ID).outcome is PASS  # whoever gave up waiting has felt it
    for attempt in run.on_edge(EDGE, hit=True):
        attempt.end_reason, attempt.status = "complete", 200
    assert result(run, ID).outcome is INCONCLUSIVE


def test_attempts_that_the_undo_cut_short_show_nothing() -> None:
    run = healthy()
    for attempt in run.on_edge(EDGE, hit=True)[:4]:
        attempt.accepted, attempt.ended = ns(UNDO - 0.1), ns(UNDO + 0.01)
        attempt.end_reason, attempt.status = "complete", 200
        span = next(s for s in run.spans if s.span_id == attempt.parent_span_id)
        span.started, span.ended = attempt.accepted, attempt.ended
    seen = result(run, ID)
    assert seen.outcome is PASS
    assert seen.n == 10


def test_attempts_that_hung_until_the_undo_were_felt() -> None:
    """A caller without a timeout waits until the fault is gone: that is evidence, and A10 needs it."""
    run = healthy()
    for attempt in run.on_edge(EDGE, hit=True):
        attempt.ended = ns(UNDO + 0.01)
        span = next(s for s in run.spans if s.span_id == attempt.parent_span_id)
        span.ended = attempt.ended
    assert result(run, ID).n == 14


def test_four_fifths_of_the_hit_attempts_have_to_be_felt() -> None:
    assert result(unfelt(2), ID).outcome is PASS  # 12 of 14 are 85.7 %
    seen = result(unfelt(3), ID)  # 11 of 14 are 78.6 %
    assert seen.outcome is INCONCLUSIVE
    assert seen.observed == Value(number=11 / 14, unit="ratio")


def test_canaries_are_not_evidence() -> None:
    run = with_hits(9)
    run.plane_row(EDGE, ON + 1, 0.8, fault=FAULT, canary=True)
    assert result(run, ID).outcome is INCONCLUSIVE


def test_the_injector_off_is_named() -> None:
    assert result(injector_off(), ID).reason == f"the injector was switched off, so {FAULT} was never on"


def test_a_skipped_fault_names_its_reason() -> None:
    run = healthy()
    run.drop(FaultOn, FaultOff)
    run.journal.append(FaultSkipped(at_ns=ns(23), fault=FAULT, reason="not a fair start"))
    assert result(run, ID).reason == f"{FAULT} was skipped: not a fair start"


def test_a_guard_that_skipped_the_faults_names_its_reason() -> None:
    run = healthy()
    run.drop(FaultRequested, FaultOn, FaultUndoRequested, FaultOff)
    reason = "browse-latency was 201/293 in baseline"
    run.journal.append(ABORT.model_copy(update={"action": "skip_faults", "reason": reason}))
    assert result(run, ID).reason == f"{FAULT} was skipped: {reason}"


def test_a_fault_that_was_never_verified_is_undecided() -> None:
    run = healthy()
    run.drop(FaultOn, FaultOff)
    assert "never verified to be on" in result(run, ID).reason


def test_a_fault_that_ended_by_itself_is_undecided() -> None:
    run = healthy()
    run.drop(FaultOff)
    run.journal.append(FaultLost(at_ns=ns(33.05), fault=FAULT, target=EDGE, reason="its lease expired"))
    seen = result(run, ID)
    assert seen.outcome is INCONCLUSIVE
    assert "ended by itself, 10 s after it was on" in seen.reason


def test_without_faults_there_is_nothing_to_be_effective() -> None:
    (seen,) = all_of(rescripted(healthy(), faults=[], expect=[]), "A2")
    assert seen.outcome is NOT_APPLICABLE


ABORT = GuardFired(at_ns=ns(25), slo="checkout-availability", action="abort", good=1, total=20, reason="1/20")


def test_a_run_that_the_guard_ended_early_owes_no_evidence() -> None:
    """Users suffered: that is the result, and it must not be hidden by a fault that had no time to hit ten times."""
    run = with_hits(9)
    run.journal.append(ABORT)
    assert result(run, ID).outcome is NOT_APPLICABLE


def test_a_fault_that_was_not_felt_stays_undecided_even_if_the_guard_fired() -> None:
    run = unfelt(9)
    run.journal.append(ABORT)
    assert result(run, ID).outcome is INCONCLUSIVE


def test_the_injector_off_stays_undecided_even_if_the_guard_fired() -> None:
    run = injector_off()
    run.journal.append(ABORT)
    assert result(run, ID).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("period", "outcome"), [("150ms", PASS), ("1h", INCONCLUSIVE)])
def test_attempts_during_which_a_flapping_fault_went_off_show_neither(period: str, outcome: Outcome) -> None:
    """Four of 14 ended early: because it went off within each of them, or for no reason."""
    fault = {**SCENARIO["faults"][0], "schedule": {"period": period, "duty": "50%"}}
    run = rescripted(healthy(), faults=[fault], expect=[])
    hit = run.on_edge(EDGE, hit=True)
    run.replace(FaultOn, evidence={"active_since_ns": min(a.accepted for a in hit)})
    for attempt in hit[:4]:
        attempt.ended = attempt.accepted + ns(0.2)
        attempt.status, attempt.end_reason = 200, "complete"
    run.spans = [s for s in run.spans if s.span_id not in {a.parent_span_id for a in hit[:4]}]
    seen = result(run, ID)
    assert seen.outcome is outcome, seen.reason
    assert seen.n == (10 if outcome is PASS else 14)
