"""Faults on services in the engine: longer transitions, evidence in the journal, leases beside those of edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.engine.stage import Stage, only, short
from workbench.engine.faulting import LEASE_MS
from workbench.engine.planning import make_plan
from workbench.errors import DirtyError, HarnessError
from workbench.model.events import CleanVerified, Failed, FaultOff, FaultOn
from workbench.model.faults.kill import Kill
from workbench.model.scenario import Scenario
from workbench.model.units import NS_PER_S

Staged = Callable[..., Stage]

KILL = {"id": "killed", "kind": "kill", "service": "payments"}
SLOW = {"id": "slow", "kind": "latency", "edge": "orders:payments", "delay": "800ms"}


def test_the_plan_has_load_for_their_longer_transitions() -> None:
    plan, _ = make_plan(Scenario.model_validate(short(faults=[KILL, SLOW])))
    assert (9 + 2 * (10 + 2)) * NS_PER_S == plan.horizon_ns


def test_a_run_puts_one_on_and_takes_it_off(staged: Staged) -> None:
    stage = staged(short(faults=[KILL, SLOW]))
    events = stage.conduct()
    assert ["killed", "slow"] == [event.fault for event in only(events, FaultOn)]
    assert {("killed", "payments"), ("slow", "orders:payments")} == {
        (e.fault, e.target) for e in only(events, FaultOff)
    }
    assert [] == only(events, Failed)
    assert only(events, CleanVerified)[-1].clean


def test_a_service_that_comes_back_late_is_waited_for(staged: Staged) -> None:
    stage = staged(short(faults=[KILL]))
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = stage.injector()
    injector.inject(stage.record.scenario.faults[0], 1)
    ready_ns = stage.world.time.now_ns() + 8 * NS_PER_S
    stage.world.plane.canary_says = lambda _: "answered" if stage.world.time.now_ns() > ready_ns else "refused"
    injector.undo("killed")
    (off,) = only(stage.events(), FaultOff)
    assert "answered" == off.evidence["canary"]


def test_one_that_cannot_be_undone_is_dirty_and_tried_again_by_force(staged: Staged) -> None:
    stage = staged(short(faults=[KILL]))
    stage.world.plane.deaf = True
    events = stage.conduct()
    assert "DirtyError" == only(events, Failed)[0].error
    assert 1 == stage.world.services.forced
    assert only(events, CleanVerified)[-1].clean
    assert ["killed"] == [event.fault for event in only(events, FaultOff)], "shown as for every undo"


def test_force_that_did_not_help_leaves_the_ledger_open(staged: Staged) -> None:
    stage = staged(short(faults=[KILL]))
    stage.world.plane.deaf = True
    stage.world.services.force_undo = lambda: None  # type: ignore[method-assign]  # it says that it has
    events = stage.conduct()
    assert {"DirtyError"} == {event.error for event in only(events, Failed)}
    clean = only(events, CleanVerified)[-1]
    assert (False, ["killed on payments (kill)"]) == (clean.clean, clean.ledger)


def test_a_fault_plane_that_hangs_keeps_no_service_s_lease_from_being_renewed(staged: Staged) -> None:
    """What edges do not answer is no reason to lose a fault on a service."""
    stage = staged(short(faults=[KILL, SLOW]))
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = stage.injector()
    for fault in stage.record.scenario.faults:
        injector.inject(fault, 1)
    renew = stage.world.plane.renew

    def only_services(ids: list[str], lease_ms: int) -> list[str]:
        if "slow" in ids:
            raise HarnessError("the plane hangs")
        return renew(ids, lease_ms)

    stage.world.plane.renew = only_services  # type: ignore[method-assign]
    stage.world.time.sleep(LEASE_MS / 1000 + 1.5)
    assert ["slow"] == [fault.id for fault in injector.lost()]


def test_a_service_that_died_meanwhile_is_not_waited_for(staged: Staged) -> None:
    """As under too little memory: its death is told for itself, and the fault is off."""
    stage = staged(short(faults=[KILL]))
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = stage.injector()
    injector.inject(Kill.model_validate(KILL), 1)
    injector.expect_no_answer("payments")
    stage.world.plane.canary_says = lambda _: "refused"
    injector.undo("killed")
    assert "not sent: the callee has ended" == only(stage.events(), FaultOff)[0].evidence["canary"]


def test_a_service_that_says_it_is_not_ready_for_too_long_is_what_the_fault_has_left_behind(staged: Staged) -> None:
    stage = staged(short(faults=[KILL]))
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = stage.injector()
    injector.inject(Kill.model_validate(KILL), 1)
    stage.world.plane.canary_says = lambda _: "broken"
    stage.world.plane.callee_says = "broken"
    began_ns = stage.world.time.now_ns()
    injector.undo("killed")
    assert 10 <= (stage.world.time.now_ns() - began_ns) / NS_PER_S < 11
    assert "payments answers nobody" in str(only(stage.events(), FaultOff)[0].evidence["canary"])


def test_the_supervisor_s_refusal_is_dirt(staged: Staged) -> None:
    stage = staged(short(faults=[KILL]))
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = stage.injector()
    injector.inject(Kill.model_validate(KILL), 1)
    stage.world.plane.broken = True
    with pytest.raises(DirtyError, match="fault killed on payments may still be on"):
        injector.undo("killed")
    assert ["killed"] == injector.on
