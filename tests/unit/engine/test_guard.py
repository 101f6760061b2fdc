"""The guard shortens a run when users suffer, as long as it was said, and for nothing less."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.processes import progress
from tests.unit.engine.stage import record_of, short
from workbench.engine.guard import AbortGuard
from workbench.engine.probing import assess
from workbench.errors import UsageError
from workbench.model.units import NS_PER_S

RULE = {"slo": "checkout-complete", "below": "50%", "for": "3s"}


def guard(**changes: Any) -> AbortGuard:
    record = record_of(short(**({"abort_when": [RULE]} | changes)))
    return AbortGuard(record.scenario, record.slos, lambda good, total, target: good / total < target - 0.1)


def fed(counts: list[tuple[int, int]], watch: AbortGuard) -> list[int]:
    """Return the seconds at which it fires, for (good, total) so far, second by second."""
    return [
        at
        for at, count in enumerate(counts)
        if watch.abort(progress(at * NS_PER_S, {"checkout-complete": count})) is not None
    ]


def test_it_fires_once_users_suffered_so_long_without_a_break() -> None:
    assert [3, 4] == fed([(0, 0), (0, 10), (0, 20), (0, 30), (0, 40)], guard())


def test_what_went_well_before_does_not_hide_what_goes_wrong_now() -> None:
    """Only the last three seconds count, however long the run went well."""
    good = [(20 * at, 20 * at) for at in range(20)]
    bad = [(380, 380 + 20 * at) for at in range(1, 4)]
    assert [21, 22] == fed(good + bad, guard()), "at 21 s it was 20 of 60"


def test_exactly_the_bound_is_not_below_it() -> None:
    assert [] == fed([(10 * at, 20 * at) for at in range(6)], guard())


def test_too_few_journeys_tell_nothing() -> None:
    assert [] == fed([(0, 3 * at) for at in range(4)], guard())
    assert [] == fed([(0, 0)] * 6, guard())


def test_progress_that_comes_late_is_no_reason_to_forget_what_was_before() -> None:
    """A gap longer than the rule's time: the whole gap is looked at, as nothing else can be."""
    watch = guard()
    assert watch.abort(progress(0, {"checkout-complete": (0, 0)})) is None
    alarm = watch.abort(progress(10 * NS_PER_S, {"checkout-complete": (5, 100)}))
    assert alarm is not None
    assert "checkout-complete was 5/100 = 5.0% over 3s, below the bound 50%" == alarm.reason


def test_without_a_rule_it_never_fires() -> None:
    assert [] == fed([(0, 20 * at) for at in range(6)], guard(abort_when=[]))


@pytest.mark.parametrize(("good", "fires"), [(60, True), (90, False)])
def test_an_unfair_start_is_what_is_wholly_below_its_target_in_baseline(good: int, fires: bool) -> None:
    """What happened in warmup does not count."""
    watch = guard()
    watch.baseline_begins(progress(0, {"checkout-complete": (0, 500)}))
    alarm = watch.unfair_start(progress(NS_PER_S, {"checkout-complete": (good, 600)}))
    assert fires == (alarm is not None)
    if alarm is not None:
        assert (60, 100) == (alarm.good, alarm.total)
        expected = "steady state checkout-complete was 60/100 in baseline, target 0.95: not a fair start"
        assert expected == alarm.reason


def test_no_baseline_and_no_journeys_are_no_unfair_start() -> None:
    watch = guard()
    assert watch.unfair_start(progress(0, {"checkout-complete": (0, 100)})) is None
    watch.baseline_begins(None)
    assert watch.unfair_start(None) is None
    assert watch.unfair_start(progress(0, {})) is None


def test_a_target_of_the_scenario_counts_instead_of_the_objective() -> None:
    watch = guard(steady_state=[{"slo": "checkout-complete", "target": "50%"}])
    watch.baseline_begins(None)
    assert watch.unfair_start(progress(0, {"checkout-complete": (60, 100)})) is None


@pytest.mark.parametrize(("cpu_s", "warns"), [(0.0, False), (0.4, False), (4.0, True)])
def test_a_machine_is_warned_of_when_the_busiest_phase_is_more_than_it_sustains(cpu_s: float, warns: bool) -> None:
    """0.7 of two cores; 12 journeys/s are planned, more or less; the remedy can be used as it stands."""
    plan = record_of(short()).plan
    probed, warning = assess(plan, journeys=4, cpu_s=cpu_s, cores=2, at_ns=-5, allowed=True)
    assert max(sum(s.arrivals.values()) * NS_PER_S / (s.end_ns - s.start_ns) for s in plan.phases) == (
        probed.planned_per_s
    )
    assert (max(cpu_s, 0.01) / 4, 2, -5) == (probed.cpu_s_per_journey, probed.cores, probed.at_ns)
    assert warns == (warning is not None)
    if warning is not None:
        assert "run with --rate 1/s" == warning.remedy
        assert "1000 ms of CPU each on 2 cores" in warning.message


@pytest.mark.parametrize(("cpu_s", "refused"), [(0.4, False), (1.3, False), (1.4, True), (4.0, True)])
def test_a_rate_that_no_luck_can_reach_is_refused(cpu_s: float, refused: bool) -> None:
    """Twelve a second are planned; 4 journeys in 1.333 s of CPU are twelve a second on two cores and twice as many."""
    plan = record_of(short()).plan
    planned = max(sum(s.arrivals.values()) * NS_PER_S / (s.end_ns - s.start_ns) for s in plan.phases)
    if not refused:
        assess(plan, journeys=4, cpu_s=cpu_s * 12 / planned, cores=2, at_ns=-5, allowed=False)
        return
    with pytest.raises(UsageError, match=r"journeys/s are planned, and this machine sustains about \d+/s") as caught:
        assess(plan, journeys=4, cpu_s=cpu_s * 12 / planned, cores=2, at_ns=-5, allowed=False)
    assert caught.value.hint is not None
    assert "--allow-inconclusive" in caught.value.hint
