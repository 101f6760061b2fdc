"""A13: the journey that does not use the faulted edge."""

from __future__ import annotations

import pytest

from tests.histories import SCENARIO, healthy, injector_off
from tests.history_builder import HistoryBuilder
from tests.unit.checks.asking import all_of, rescripted, result
from workbench.checks.facts import Facts
from workbench.checks.isolation import isolated_needs
from workbench.model.expectations import Isolated
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

TIMES, ERRORS = "A13:browse/p95", "A13:browse/errors"


def lasting(baseline_s: float, fault_s: float, *, slow: int = 0, slow_s: float = 0.0) -> HistoryBuilder:
    run = healthy()
    for phase, seconds in (("baseline", baseline_s), ("fault", fault_s)):
        for row in run.in_phase(phase, "browse"):
            row.lasts(seconds)
    for row in run.in_phase("fault", "browse")[:slow]:
        row.lasts(slow_s)
    return run


@pytest.mark.parametrize(
    ("baseline_s", "fault_s", "outcome"),
    [(0.1, 0.2, PASS), (0.1, 0.201, FAIL), (0.001, 0.1, PASS), (0.001, 0.101, FAIL), (0.3, 0.02, PASS)],
)
def test_p95_may_be_twice_that_of_baseline_with_a_floor_of_50_ms(
    baseline_s: float, fault_s: float, outcome: Outcome
) -> None:
    assert result(lasting(baseline_s, fault_s), TIMES).outcome is outcome


def test_the_observed_value_is_the_ratio_of_the_floored_times() -> None:
    assert result(lasting(0.01, 0.075), TIMES).observed == Value(number=1.5, unit="ratio")
    assert result(lasting(0.1, 0.01), TIMES).observed == Value(number=0.5, unit="ratio")


@pytest.mark.parametrize(("slow", "outcome"), [(1, PASS), (6, INCONCLUSIVE), (15, FAIL)])
def test_a_few_slow_journeys_leave_it_undecided(slow: int, outcome: Outcome) -> None:
    """Of 120 journeys p95 lies between the 109th and the last but one."""
    assert result(lasting(0.1, 0.1, slow=slow, slow_s=1.0), TIMES).outcome is outcome


@pytest.mark.parametrize(("phase", "fault_s"), [("fault", 0.1), ("baseline", 1.0)])
def test_a_phase_with_fewer_than_72_journeys_has_no_upper_bound(phase: str, fault_s: float) -> None:
    """So nothing shows that a short fault phase is fast, and nothing that it is slower than a short baseline."""
    run = lasting(0.1, fault_s)
    gone = {row.arrival for row in run.in_phase(phase, "browse")[71:]}
    run.journeys = [row for row in run.journeys if row.arrival not in gone]
    seen = result(run, TIMES)
    assert seen.outcome is INCONCLUSIVE
    assert seen.needed_n == 72


def failing(number: int, outcome: str = "failed") -> HistoryBuilder:
    run = healthy()
    for row in run.in_phase("fault", "browse")[:number]:
        row.outcome = outcome
    return run


@pytest.mark.parametrize(("bad", "outcome"), [(0, PASS), (1, PASS), (2, INCONCLUSIVE), (13, FAIL)])
def test_the_interval_of_errors_decides(bad: int, outcome: Outcome) -> None:
    """At most 5 %: 1 of 120 is 0.02 % to 4.6 %, 2 are 0.2 % to 5.9 %, 13 are 5.9 % to 17.8 %."""
    assert result(failing(bad), ERRORS).outcome is outcome


def test_a_degraded_answer_is_no_error_and_an_unknown_one_is() -> None:
    assert result(failing(60, "degraded"), ERRORS).outcome is PASS
    assert result(failing(60, "indeterminate"), ERRORS).outcome is FAIL


def test_without_journeys_there_is_no_data() -> None:
    run = healthy()
    run.journeys = [row for row in run.journeys if row.journey != "browse"]
    assert {r.outcome for r in all_of(run, "A13")} == {INCONCLUSIVE}


def test_with_the_injector_off_it_is_undecided() -> None:
    assert {r.outcome for r in all_of(injector_off(), "A13")} == {INCONCLUSIVE}


def test_a_lag_that_decides_leaves_latency_undecided() -> None:
    run = lasting(0.1, 0.19)
    for row in run.in_phase("fault", "browse"):
        row.dispatched += 60_000_000
        row.ended += 60_000_000
    seen = result(run, TIMES)
    assert seen.outcome is INCONCLUSIVE
    assert "that decides" in seen.reason


def test_it_needs_baseline_a_fault_and_the_journey() -> None:
    spec = Isolated.model_validate({"kind": "isolated", "journey": "browse"})
    assert isolated_needs(spec, Facts.of_run(healthy().record)) == []
    run = rescripted(
        healthy(),
        phases=SCENARIO["phases"][2:3],
        faults=[],
        expect=[],
        load={"mix": {"checkout": 1}, "arrivals": {"rate": "12/s"}},
    )
    problems = isolated_needs(spec, Facts.of_run(run.record))
    assert len(problems) == 3
