"""A plan is the scenario unrolled: steps in the one order that is safe, and arrivals beyond the longest transitions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine.stage import short
from workbench.engine.planning import MOST_ARRIVALS, make_plan
from workbench.errors import UsageError
from workbench.model.scenario import Scenario
from workbench.model.units import NS_PER_S


def planned(**changes: Any) -> Any:
    return make_plan(Scenario.model_validate(short(**changes)))


def test_steps_are_in_order_and_at_their_times() -> None:
    plan, _ = planned()
    assert [
        (0, "load_on", "load"),
        (0, "phase", "warmup"),
        (1, "phase", "baseline"),
        (3, "phase", "fault"),
        (3, "fault_on", "slow"),
        (4, "fault_on", "gone"),
        (6, "fault_off", "gone"),
        (7, "fault_off", "slow"),
        (7, "phase", "recovery"),
        (9, "load_off", "load"),
    ] == [(step.at_ns // NS_PER_S, step.action, step.name) for step in plan.steps]


def test_faults_of_the_old_phase_go_before_those_of_the_new_one_come() -> None:
    """Two phases of faults one after the other: nobody has both on."""
    phases = [{"name": name, "duration": "2s"} for name in ("baseline", "one", "two")]
    faults = [{"id": f"in-{name}", "kind": "refuse", "edge": "front:orders", "phase": name} for name in ("one", "two")]
    plan, _ = planned(phases=phases, faults=faults, slos=[], expect=[])
    assert [
        ("phase", "one"),
        ("fault_on", "in-one"),
        ("fault_off", "in-one"),
        ("phase", "two"),
        ("fault_on", "in-two"),
        ("fault_off", "in-two"),
        ("load_off", "load"),
    ] == [(step.action, step.name) for step in plan.steps][2:]


def test_a_fault_that_lasts_to_the_end_of_the_run_goes_before_the_load_does() -> None:
    plan, _ = planned(phases=short()["phases"][:3])
    assert [("fault_off", "slow"), ("load_off", "load")] == [(s.action, s.name) for s in plan.steps][-2:]


def test_arrivals_reach_beyond_the_longest_transitions() -> None:
    """However long they take, no phase runs out of load."""
    plan, arrivals = planned()
    assert 9 * NS_PER_S == plan.end_ns
    assert (9 + 4 * 2) * NS_PER_S == plan.horizon_ns
    assert arrivals.count(plan.end_ns, plan.horizon_ns) > 50


def test_planned_arrivals_are_counted_by_phase_and_journey() -> None:
    plan, arrivals = planned()
    for slot in plan.phases:
        assert {"browse", "checkout"} == slot.arrivals.keys()
        assert arrivals.count(slot.start_ns, slot.end_ns) == sum(slot.arrivals.values())


def test_the_same_scenario_and_seed_give_the_same_plan() -> None:
    assert planned()[0] == planned()[0]
    assert planned()[0].arrivals_digest != planned(seed=8)[0].arrivals_digest


def test_more_arrivals_than_a_run_can_have_are_refused_before_they_are_computed() -> None:
    """With how many there would be, how many there can be, and what to do."""
    load = {"mix": {"browse": 1, "checkout": 1}, "arrivals": {"rate": "1000000/s"}}
    with pytest.raises(UsageError, match="17,000,000 journeys are planned, and a run can have 10,000,000") as raised:
        planned(load=load)
    assert "choose a lower rate (--rate) or shorter phases" == raised.value.hint
    assert 10_000_000 == MOST_ARRIVALS
