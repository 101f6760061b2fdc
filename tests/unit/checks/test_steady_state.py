"""A1: a baseline out of band is no fair start; a recovery out of band is a failure."""

from __future__ import annotations

from tests.histories import OFF, SCENARIO, healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import all_of, rescripted, result
from workbench.model.verdict import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

BASELINE, RECOVERY = "A1:checkout-complete@baseline", "A1:checkout-complete@recovery"


def spoil(run: HistoryBuilder, phase: str, count: int, *, after_s: float = 0.0) -> HistoryBuilder:
    """Spread so many failed checkouts evenly over a phase."""
    rows = [row for row in run.in_phase(phase, "checkout") if row.intended >= ns(after_s)]
    for i in range(count):
        rows[i * len(rows) // count].outcome = "failed"
    return run


def test_a_baseline_in_band_passes() -> None:
    assert result(healthy(), BASELINE).outcome is PASS


def test_a_baseline_wholly_out_of_band_is_no_fair_start_and_no_failure() -> None:
    seen = result(spoil(healthy(), "baseline", 30), BASELINE)
    assert seen.outcome is INCONCLUSIVE
    assert seen.reason.startswith("not a fair start: 90 of 120")


def test_a_baseline_that_is_neither_is_undecided_with_the_number_that_would_decide() -> None:
    seen = result(spoil(healthy(), "baseline", 3), BASELINE)
    assert seen.outcome is INCONCLUSIVE
    assert not seen.reason.startswith("not a fair start")
    assert seen.needed_n is not None


def test_recovery_is_judged_from_the_moment_of_recovery_on() -> None:
    """The 19 queued checkouts in the 3 s after the undo do not count; A15 judges how long that took."""
    seen = result(healthy(), RECOVERY)
    assert seen.outcome is PASS
    assert seen.n == 101
    assert seen.windows[0].start_ns > ns(OFF + 3)
    assert seen.reason.startswith("from 3.23 s after the undo on")


def test_a_relapse_long_after_the_recovery_fails() -> None:
    run = healthy()
    for row in run.in_phase("recovery", "checkout")[-40:]:
        row.outcome = "failed"
    assert result(run, RECOVERY).outcome is FAIL
    assert result(run, "A15:checkout-complete").outcome is PASS


def test_a_recovery_near_its_target_is_undecided() -> None:
    assert result(spoil(healthy(), "recovery", 4, after_s=50), RECOVERY).outcome is INCONCLUSIVE


def test_a_recovery_that_never_came_fails() -> None:
    seen = result(spoil(healthy(), "recovery", 119), RECOVERY)
    assert seen.outcome is FAIL
    assert seen.reason.startswith("no moment of recovery was found")


def test_a_recovery_that_never_held_can_not_pass() -> None:
    """One of 119 checkouts fails: fine over the phase, but no 15 s in it are free of bad ones."""
    expect = [{"kind": "recovers", "slo": "checkout-complete", "within": "5s", "hold": "15s", "target": "99.9%"}]
    run = rescripted(healthy(), expect=expect)
    for row in run.in_phase("recovery", "checkout"):
        row.outcome = "ok"
    run.in_phase("recovery", "checkout")[60].outcome = "failed"
    seen = result(run, RECOVERY)
    assert seen.outcome is INCONCLUSIVE
    assert seen.reason.startswith("no moment of recovery was found")


def test_without_a_recovers_expectation_the_same_rule_is_searched_for_over_the_phase() -> None:
    seen = result(rescripted(healthy(), expect=[]), RECOVERY)
    assert seen.outcome is PASS
    assert seen.reason.startswith("from 3.23 s after the undo on")


def test_a_recovers_expectation_of_the_slo_gives_target_and_hold() -> None:
    """With 10 s to hold at 80 %, a dip after 8 s puts the moment of recovery where 80 % of 10 s are good again."""
    expect = [{"kind": "recovers", "slo": "checkout-complete", "within": "5s", "hold": "10s", "target": "80%"}]
    run = rescripted(healthy(), expect=expect)
    seen = result(run, RECOVERY)
    assert seen.windows[0].start_ns < ns(OFF + 3)


def test_without_a_recovery_phase_only_baseline_is_judged() -> None:
    run = rescripted(healthy(), phases=SCENARIO["phases"][:3], expect=[])
    assert [r.id for r in all_of(run, "A1")] == [BASELINE, "A1:browse-latency@baseline"]


def test_without_a_fault_recovery_is_judged_from_its_start() -> None:
    run = rescripted(healthy(), faults=[], expect=[])
    run.journal = [e for e in run.journal if not e.event.startswith("fault")]
    for row in run.in_phase("recovery", "checkout"):
        row.outcome = "ok"
    assert result(run, RECOVERY).windows[0].start_ns == ns(OFF)
