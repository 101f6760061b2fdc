"""V1, V2, V3, V5, V6: a run that was no fair experiment proves nothing, and none of these ever FAILs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.histories import END, healthy
from tests.history_builder import HistoryBuilder, ProcessRow, ns
from tests.unit.checks.asking import rescripted, result
from workbench.model.events import Failed, FaultSkipped, GuardFired, LoadStopped, PhaseEnded, PhaseStarted, ServiceDied
from workbench.model.verdict import Outcome, Value

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE


def abort(at_s: float = 30.0) -> GuardFired:
    return GuardFired(
        at_ns=ns(at_s), slo="checkout-availability", action="abort", good=3, total=60, reason="only 3/60 were good"
    )


# -- V1 arrivals --------------------------------------------------------------------------------------


def lose(run: HistoryBuilder, phase: str, number: int) -> HistoryBuilder:
    gone = {row.arrival for row in run.in_phase(phase)[:number]}
    run.journeys = [row for row in run.journeys if row.arrival not in gone]
    return run


def test_v1_a_run_without_lost_arrivals_passes() -> None:
    assert result(healthy(), "V1").outcome is PASS


def test_v1_two_of_240_arrivals_may_be_lost() -> None:
    """238 of 240 are 99.2 %."""
    seen = result(lose(healthy(), "baseline", 2), "V1")
    assert seen.outcome is PASS
    assert seen.observed == Value(number=238 / 240, unit="ratio")


def test_v1_three_of_240_arrivals_are_too_many() -> None:
    seen = result(lose(healthy(), "baseline", 3), "V1")
    assert seen.outcome is INCONCLUSIVE
    assert "237 of 240" in seen.reason


def test_v1_the_worst_phase_decides_not_the_sum() -> None:
    """Over the whole run 1 of 36 warmup arrivals is 0.1 %; in warmup it is 2.8 %."""
    assert result(lose(healthy(), "warmup", 1), "V1").outcome is INCONCLUSIVE


def test_v1_a_journey_counts_once_however_often_it_was_written() -> None:
    run = lose(healthy(), "baseline", 3)
    run.journeys += [run.in_phase("baseline")[0]] * 100
    assert result(run, "V1").outcome is INCONCLUSIVE


def test_v1_journeys_that_are_there_twice_leave_the_run_undecided() -> None:
    """Good ones more often than bad ones would turn any share."""
    run = healthy()
    run.journeys += run.in_phase("fault", "browse")
    seen = result(run, "V1")
    assert seen.outcome is INCONCLUSIVE
    assert seen.reason == "120 journeys more than there are arrivals that began one"


def test_v1_journeys_of_no_arrival_leave_the_run_undecided() -> None:
    run = healthy()
    run.journeys.append(replace(run.journeys[9], arrival=10_000))
    seen = result(run, "V1")
    assert seen.outcome is INCONCLUSIVE
    assert seen.reason == "1 journey of no arrival of the schedule"


@pytest.mark.parametrize("other", [{"intended": ns(0.8)}, {"journey": "checkout"}])
def test_v1_a_journey_that_is_not_as_it_was_planned_leaves_the_run_undecided(other: dict[str, Any]) -> None:
    """Counted from when it was dispatched, a journey hides how long the generator was late."""
    run = healthy()
    run.journeys[9] = replace(run.journeys[9], **other)
    seen = result(run, "V1")
    assert seen.outcome is INCONCLUSIVE
    assert "1 journey at another time than in the schedule, or of another kind" == seen.reason


def test_v1_a_schedule_that_lacks_arrivals_of_the_plan_leaves_the_run_undecided() -> None:
    """With their journeys they would be gone without a trace."""
    run = healthy()
    gone = {row.arrival for row in run.in_phase("fault", "checkout")[:1]}
    run.journeys = [row for row in run.journeys if row.arrival not in gone]
    run.arrivals = [row for row in run.arrivals if row.arrival not in gone]
    seen = result(run, "V1")
    assert seen.outcome is INCONCLUSIVE
    assert "the plan has 240 arrivals in fault, the schedule has 239 or of other journeys" in seen.reason


def test_v1_arrivals_beyond_the_plan_are_numbered_without_a_gap() -> None:
    run = healthy()
    run.arrivals[-1].arrival += 1
    run.journeys[-1].arrival += 1
    assert "not numbered from 0 without a gap" in result(run, "V1").reason


def test_v1_what_a_guard_kept_from_beginning_is_not_missing_in_the_schedule() -> None:
    """The schedule is written before the run and is held against the plan, not against what came of it."""
    run = healthy()
    run.journeys = [row for row in run.journeys if row.intended < ns(30)]
    run.journal = [e for e in run.journal if getattr(e, "phase", "") not in ("fault", "recovery")]
    run.journal.append(abort())
    assert result(run, "V1").outcome is PASS


def test_v1_a_phase_that_never_began_leaves_the_run_undecided() -> None:
    run = healthy()
    run.journal = [
        e for e in run.journal if not (e.event.startswith("phase") and getattr(e, "phase", "") == "recovery")
    ]
    seen = result(run, "V1")
    assert seen.outcome is INCONCLUSIVE
    assert "recovery never began" in seen.reason


@pytest.mark.parametrize("action", ["abort", "skip_faults"])
def test_v1_phases_that_are_missing_because_a_guard_ended_the_run_are_no_surprise(action: str) -> None:
    run = healthy()
    run.journal = [
        e for e in run.journal if not (e.event.startswith("phase") and getattr(e, "phase", "") == "recovery")
    ]
    run.journal.append(abort().model_copy(update={"action": action}))
    assert result(run, "V1").outcome is PASS


def test_v1_without_any_phase_there_is_nothing_to_count() -> None:
    run = healthy()
    run.drop(PhaseStarted, PhaseEnded)
    assert result(run, "V1").outcome is INCONCLUSIVE


# -- V2 generator lag ---------------------------------------------------------------------------------


def delay_dispatch(run: HistoryBuilder, seconds: float, share: float) -> HistoryBuilder:
    every = round(1 / share)
    for row in run.journeys[1::every]:  # odd ones browse
        row.dispatched += ns(seconds)
        row.started += ns(seconds)
        row.ended += ns(seconds)
    return run


def test_v2_a_generator_in_time_passes() -> None:
    seen = result(healthy(), "V2")
    assert seen.outcome is PASS
    assert seen.limit is not None
    assert seen.limit.number == ns(0.05)  # a tenth of the tightest latency limit, 500 ms


def test_v2_the_limit_is_25_ms_where_no_latency_is_judged() -> None:
    run = rescripted(healthy(), steady_state=[{"slo": "checkout-complete"}])
    limit = result(run, "V2").limit
    assert limit is not None
    assert limit.number == ns(0.025)


def test_v2_beyond_the_limit_it_passes_and_says_that_latency_is_judged_twice() -> None:
    seen = result(delay_dispatch(healthy(), 0.06, 0.05), "V2")
    assert seen.outcome is PASS
    assert "from the dispatch" in seen.reason


def test_v2_one_journey_in_two_hundred_does_not_move_the_p99() -> None:
    assert "from the dispatch" not in result(delay_dispatch(healthy(), 0.06, 0.005), "V2").reason


def test_v2_without_journeys_it_is_undecided() -> None:
    run = healthy()
    run.journeys = []
    assert result(run, "V2").outcome is INCONCLUSIVE


def test_a_lag_that_decides_leaves_a_latency_check_undecided() -> None:
    """Journeys of 480 ms, limit 500 ms: 60 ms of lag decide, so neither PASS nor FAIL is true."""
    run = healthy()
    for row in run.in_phase("baseline", "browse"):
        row.lasts(0.48)
    seen = result(delay_dispatch(run, 0.06, 0.5), "A1:browse-latency@baseline")
    assert seen.outcome is INCONCLUSIVE
    assert "from the intended start" in seen.reason
    assert "from the dispatch PASS" in seen.reason


def test_a_lag_that_does_not_decide_changes_no_outcome() -> None:
    seen = result(delay_dispatch(healthy(), 0.06, 0.5), "A1:browse-latency@baseline")
    assert seen.outcome is PASS
    assert "from the dispatch it is the same" in seen.reason


def test_a_lag_has_no_part_in_checks_without_latency() -> None:
    seen = result(delay_dispatch(healthy(), 0.06, 0.5), "A16:checkout-availability")
    assert seen.outcome is PASS
    assert "dispatch" not in seen.reason


# -- V3 saturation ------------------------------------------------------------------------------------


def load_process(busy: list[float]) -> HistoryBuilder:
    """A load process that uses so much of a core in each second."""
    run, used = healthy(), 3.0
    run.processes = [ProcessRow(0, "load", 1, used)]
    rest = [0.3] * (int(END) - len(busy))  # to the end of the load
    for second, share in enumerate([*busy, *rest], 1):
        used += share
        run.processes.append(ProcessRow(ns(second), "load", 1, used))
    return run


def test_v3_80_percent_of_a_core_over_5_s_is_still_fine() -> None:
    seen = result(load_process([0.3] * 10 + [0.8] * 5 + [0.3] * 10), "V3")
    assert seen.outcome is PASS
    assert isinstance(seen.observed, Value)
    assert round(seen.observed.number, 6) == 0.8


def test_v3_more_than_80_percent_in_any_5_s_leaves_the_run_undecided() -> None:
    assert result(load_process([0.3] * 10 + [0.81] * 5 + [0.3] * 10), "V3").outcome is INCONCLUSIVE


def test_v3_a_shorter_burst_is_averaged_over_5_s() -> None:
    assert result(load_process([0.3] * 10 + [1.0] * 3 + [0.3] * 10), "V3").outcome is PASS


def test_v3_two_load_processes_are_not_added_to_each_other() -> None:
    run = load_process([0.5] * 20)
    run.processes += [ProcessRow(row.time, "load", 2, row.cpu_s * 1.2) for row in run.processes]
    assert result(run, "V3").outcome is PASS


def test_v3_a_short_load_is_judged_over_what_there_is() -> None:
    run = load_process([0.9, 0.9])
    run.replace(LoadStopped, at_ns=ns(2))
    seen = result(run, "V3")
    assert seen.outcome is INCONCLUSIVE
    assert seen.observed == Value(number=0.9, unit="ratio")


def test_v3_cpu_used_before_the_load_does_not_count() -> None:
    run = load_process([0.3] * 20)
    run.processes.insert(0, ProcessRow(ns(-1), "load", 1, 0.0))
    assert result(run, "V3").outcome is PASS


@pytest.mark.parametrize("gone", [range(31, 64), range(10, 60)], ids=["the rest", "a gap"])
def test_v3_samples_have_to_cover_the_load(gone: range) -> None:
    """Where nobody looked the generator may have been busy."""
    run = load_process([0.3])
    run.processes = [row for row in run.processes if row.time // 1_000_000_000 not in gone]
    seen = result(run, "V3")
    assert seen.outcome is INCONCLUSIVE
    assert "of the load, not over 90 %" in seen.reason


def test_v3_what_was_used_in_a_gap_may_have_been_used_within_5_s() -> None:
    """Three seconds of a whole core and three of none, and no sample between: no average of 9 s makes that right."""
    run = load_process([0.3] * 10 + [1.0] * 5 + [0.0] * 5)
    assert result(run, "V3").outcome is INCONCLUSIVE
    run.processes = [row for row in run.processes if not ns(10) < row.time < ns(15)]
    seen = result(run, "V3")
    assert seen.outcome is INCONCLUSIVE
    assert isinstance(seen.observed, Value)
    assert seen.observed.number == 1.0


def test_v3_samples_a_second_or_two_late_say_as_much_of_a_generator_that_is_not_busy() -> None:
    run = load_process([0.3])
    run.processes = [row for row in run.processes if not ns(10) < row.time < ns(13)]
    assert result(run, "V3").outcome is PASS


def test_v3_without_samples_of_the_load_process_it_is_undecided() -> None:
    run = healthy()
    run.processes = [ProcessRow(ns(1), "orders", 5, 1.0), ProcessRow(ns(2), "load", 1, 1.0)]
    assert result(run, "V3").outcome is INCONCLUSIVE


# -- V5 services --------------------------------------------------------------------------------------


def test_v5_a_service_that_died_leaves_the_run_undecided_with_its_last_words() -> None:
    run = healthy()
    run.journal.append(ServiceDied(at_ns=ns(30), service="orders", status="signal 9", log_tail=["a", "out of memory"]))
    seen = result(run, "V5")
    assert seen.outcome is INCONCLUSIVE
    assert "orders died 30 s into the run (signal 9)" in seen.reason
    assert "out of memory" in seen.evidence[0].text


def test_v5_a_part_of_the_workbench_that_died_is_not_called_a_service() -> None:
    run = healthy()
    run.journal.append(ServiceDied(at_ns=ns(40), service="collector", status="killed by SIGKILL", log_tail=[]))
    seen = result(run, "V5")
    assert seen.outcome is INCONCLUSIVE
    assert "collector, a part of the workbench, died 40 s into the run (killed by SIGKILL)" == seen.reason


def test_v5_a_failure_of_the_workbench_leaves_the_run_undecided() -> None:
    run = healthy()
    run.journal.append(Failed(at_ns=ns(30), error="HarnessError", message="the disk is full", hint=None))
    seen = result(run, "V5")
    assert seen.outcome is INCONCLUSIVE
    assert "the disk is full" in seen.reason


# -- V6 fair start ------------------------------------------------------------------------------------


def spoil(run: HistoryBuilder, phase: str, number: int) -> HistoryBuilder:
    for row in run.in_phase(phase, "checkout")[:number]:
        row.outcome = "failed"
    return run


def test_v6_a_steady_state_wholly_out_of_band_in_baseline_is_no_fair_start() -> None:
    seen = result(spoil(healthy(), "baseline", 20), "V6")
    assert seen.outcome is INCONCLUSIVE
    assert "checkout-complete (83.3 % where 95 % is wanted)" in seen.reason


def test_v6_a_steady_state_that_is_merely_undecided_does_not_spoil_the_run() -> None:
    run = spoil(healthy(), "baseline", 4)
    assert result(run, "V6").outcome is PASS
    assert result(run, "A1:checkout-complete@baseline").outcome is INCONCLUSIVE


def test_v6_skipped_faults_are_no_fair_start() -> None:
    run = healthy()
    reason = "steady state checkout-complete was 5/50 in baseline"
    run.journal += [
        GuardFired(at_ns=ns(20), slo="checkout-complete", action="skip_faults", good=5, total=50, reason=reason),
        FaultSkipped(at_ns=ns(23), fault="slow-payments", reason=reason),
    ]
    seen = result(run, "V6")
    assert seen.outcome is INCONCLUSIVE
    assert "5/50" in seen.reason


def test_v6_does_not_apply_where_no_steady_state_is_asked_for() -> None:
    assert result(rescripted(healthy(), steady_state=[]), "V6").outcome is Outcome.NOT_APPLICABLE


def test_the_run_lasts_as_long_as_these_tests_assume() -> None:
    assert healthy().build().load_end_ns() == ns(END)
