"""The leases of one run: the ledger first, verified on and off, renewed until undone, and never lost in silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.engine.stage import Stage, only
from workbench.engine import faulting
from workbench.engine.faulting import LEASE_MS, Injector
from workbench.errors import DirtyError, HarnessError
from workbench.model.events import FaultLost, FaultOff, FaultOn
from workbench.model.faults.db_locked import DbLocked
from workbench.model.faults.kill import Kill
from workbench.model.faults.pause import Pause
from workbench.model.faults.scheduling import Schedule

Staged = Callable[..., Stage]


def begun(stage: Stage) -> Injector:
    stage.journal.set_zero(stage.world.time.now_ns())
    return stage.injector()


def ledger_lines(stage: Stage) -> list[dict[str, Any]]:
    lines = (stage.directory.folder / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_ledger_knows_of_a_fault_before_the_plane_does(staged: Staged) -> None:
    """And until the plane has shown that it is off."""
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    injector.undo("slow")
    order = [name for name in stage.world.calls.made if name.startswith(("ledger", "plane"))]
    assert [
        "ledger.open",
        "plane.inject",
        "plane.faults",
        "plane.undo",
        "plane.faults",
        "plane.canary",
        "ledger.close",
    ] == order
    assert {"op": "open", "id": "slow", "edge": "orders:payments", "kind": "latency", "run": "r"} == ledger_lines(
        stage
    )[0]


def test_a_seed_of_its_own_counts_for_a_fault(staged: Staged) -> None:
    stage = staged()
    fault = stage.record.scenario.faults[0]
    injector = begun(stage)
    injector.inject(fault, 7)
    injector.inject(fault.model_copy(update={"id": "own", "seed": 3}), 7)
    assert {"slow": 7, "own": 3} == stage.world.plane.seeds


def test_of_a_fault_that_flaps_it_is_told_from_when_its_times_count_and_how_long_it_was_on(staged: Staged) -> None:
    """The first is the plane's own moment, not that of the verification."""
    stage = staged()
    injector, plane = begun(stage), stage.world.plane
    flapping = {"schedule": Schedule.model_validate({"period": "2s", "duty": "25%"})}
    injector.inject(stage.record.scenario.faults[0].model_copy(update=flapping), 1)
    (state,) = plane.faults()
    plane.faults = list  # type: ignore[method-assign]
    plane.undo = lambda fault_id: replace(state, id=fault_id, on_ns=5)  # type: ignore[method-assign]
    injector.undo("slow")
    (on,), (off,) = only(stage.events(), FaultOn), only(stage.events(), FaultOff)
    assert state.active_since_ns - stage.world.time.now_ns() + off.at_ns == on.evidence["active_since_ns"]
    assert 5 == off.evidence["closed_ns"]


def test_a_fault_that_the_plane_does_not_report_is_not_on(staged: Staged) -> None:
    stage = staged()
    stage.world.plane.faults = list  # type: ignore[method-assign]
    with pytest.raises(HarnessError, match="fault slow was asked for, but the plane does not report it"):
        begun(stage).inject(stage.record.scenario.faults[0], 1)
    assert [] == only(stage.events(), FaultOn)


def test_a_listener_that_still_answers_is_not_refusing(staged: Staged) -> None:
    """It is waited for as long as a transition may last, and no longer."""
    stage = staged()
    stage.world.plane.canary_says = lambda _: "answered"
    began_ns = stage.world.time.now_ns()
    with pytest.raises(HarnessError, match="a canary request on front:orders was answered, not refused"):
        begun(stage).inject(stage.record.scenario.faults[1], 1)
    assert 2.0 <= (stage.world.time.now_ns() - began_ns) / 1e9 < 2.1


def test_a_canary_that_comes_through_late_is_waited_for(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    answers = iter(["slow", "slow", "answered"])
    stage.world.plane.canary_says = lambda _: next(answers)
    injector.undo("slow")
    (off,) = only(stage.events(), FaultOff)
    assert "answered" == off.evidence["canary"]


def test_a_machine_that_is_too_slow_to_refuse_is_asked_again(staged: Staged) -> None:
    """No answer in time says nothing about the fault; one that is answered says that it is not on."""
    stage = staged()
    injector = begun(stage)
    gone = stage.record.scenario.faults[1]
    slow_until_ns = stage.world.time.now_ns() + 3 * gone.longest_transition
    stage.world.plane.canary_says = lambda _: "slow" if stage.world.time.now_ns() < slow_until_ns else None
    injector.inject(gone, 1)
    assert "refused" == only(stage.events(), FaultOn)[-1].evidence["canary"]
    stage.world.plane.canary_says = lambda _: "slow"
    with pytest.raises(HarnessError, match="was slow, not refused"):
        injector.inject(gone.model_copy(update={"id": "other"}), 1)


def test_a_holder_that_hangs_keeps_no_other_from_renewing(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a thread of its own, so that a hanging plane does not cost the supervisor its leases."""
    stage = staged()
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = Injector(stage.world.plane, stage.ledger, stage.journal, stage.world.time, "r")
    hangs, renewed, released = threading.Event(), threading.Event(), threading.Event()

    def renew(ids: list[str], lease_ms: int) -> list[str]:
        if ids == ["slow"]:
            hangs.set()
            released.wait(60)
        elif hangs.is_set():
            renewed.set()
        return []

    monkeypatch.setattr(stage.world.plane, "renew", renew)
    try:
        injector.inject(stage.record.scenario.faults[0], 1)
        injector.inject(Kill.model_validate({"id": "killed", "service": "payments"}), 1)
        assert renewed.wait(30), "the fault on the service was not renewed"
    finally:
        released.set()
        injector.close()


def test_a_callee_that_comes_back_while_it_is_being_looked_at_is_no_dirt(staged: Staged) -> None:
    """It answers past the plane a moment after it did not answer through it: look once more before saying so."""
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    asked, looks = stage.world.plane.canary, []

    def canary(target: str, *, past_the_plane: bool = False) -> str:
        looks.append("past the plane" if past_the_plane else "through it")
        return asked(target, past_the_plane=past_the_plane) if "past the plane" in looks else "slow"

    stage.world.plane.canary = canary  # type: ignore[method-assign]
    injector.undo("slow")
    (off,) = only(stage.events(), FaultOff)
    assert "answered" == off.evidence["canary"]
    assert ["past the plane", "through it"] == looks[-2:]


@pytest.mark.parametrize("how", ["deaf", "broken", "no canary"])
def test_what_cannot_be_shown_to_be_off_is_dirty_and_stays_held(staged: Staged, how: str) -> None:
    """So a second try is possible, and succeeds once the plane answers again."""
    stage = staged()
    plane = stage.world.plane
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    plane.deaf, plane.broken = how == "deaf", how == "broken"
    plane.canary_says = lambda _: "broken" if how == "no canary" else None
    with pytest.raises(DirtyError, match="fault slow on orders:payments may still be on") as raised:
        injector.undo("slow")
    assert ("workbench heal", 5) == (raised.value.hint, raised.value.exit_code)
    assert (["slow"], 1, []) == (injector.on, len(stage.ledger.entries()), only(stage.events(), FaultOff))

    plane.deaf = plane.broken = False
    plane.canary_says = lambda _: None
    injector.undo_all()
    assert ([], [], []) == (injector.on, stage.ledger.entries(), plane.on)
    (off,) = only(stage.events(), FaultOff)
    assert how == "broken" or off.counts["hit"] == 11, "the last figures were got by the first try"
    assert [] == only(stage.events(), FaultLost), "the first try has taken it off"


def test_processes_are_let_go_first(staged: Staged) -> None:
    """What a stopped service does to its own database it can only undo when it runs."""
    stage = staged()
    injector = begun(stage)
    injector.inject(DbLocked.model_validate({"id": "locked", "resource": "payments-db", "services": ["payments"]}), 1)
    injector.inject(Pause.model_validate({"id": "paused", "service": "payments"}), 1)
    injector.undo_all()
    assert ["paused", "locked"] == [fault for what, fault, _ in stage.world.plane.log if what == "off"]


def test_one_fault_that_cannot_be_undone_keeps_no_other_on(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    for fault in stage.record.scenario.faults:
        injector.inject(fault, 1)
    stage.world.plane.canary_says = lambda edge: "slow" if edge == "orders:payments" else None
    with pytest.raises(DirtyError, match="fault slow"):
        injector.undo_all()
    assert (["slow"], []) == (injector.on, stage.world.plane.on)


def test_renewing_keeps_a_fault_on_beyond_its_lease(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    stage.world.time.sleep(5 * LEASE_MS / 1000)
    assert (["slow"], []) == (stage.world.plane.on, injector.lost())


def test_a_renewal_that_fails_is_no_loss_until_the_lease_has_expired(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    stage.world.plane.broken = True
    stage.world.time.sleep(LEASE_MS / 1000 - 0.5)
    assert [] == injector.lost()
    stage.world.time.sleep(1.0)
    (lost,) = injector.lost()
    assert ("slow", ["slow"]) == (lost.id, injector.on), "until it is written that it is lost, it is not let go"
    injector.forget(lost)
    assert ([], [], []) == (injector.lost(), injector.on, stage.ledger.entries())


def test_a_lease_that_nobody_renews_any_more_is_lost_all_the_same(staged: Staged) -> None:
    """Such as when the thread that renews hangs in a call: it is the clock that tells."""
    stage = staged()
    stage.journal.set_zero(stage.world.time.now_ns())
    injector = Injector(stage.world.plane, stage.ledger, stage.journal, stage.world.time, "r")
    try:
        injector.inject(stage.record.scenario.faults[0], 1)
        stage.world.time.sleep(LEASE_MS / 1000 + 0.1)
        assert ["slow"] == [fault.id for fault in injector.lost()]
    finally:
        injector._stop.set()


def test_a_thread_renews_without_being_asked(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the runner is busy with; a renewal that fails does not end it."""
    monkeypatch.setattr(faulting, "_RENEW_S", 0.001)
    stage = staged()
    stage.journal.set_zero(stage.world.time.now_ns())
    renewals, enough = [], threading.Event()

    def renew(ids: list[str], lease_ms: int) -> list[str]:
        renewals.append((ids, lease_ms))
        if len(renewals) >= 3:
            enough.set()
        raise HarnessError("no answer")

    monkeypatch.setattr(stage.world.plane, "renew", renew)
    injector = Injector(stage.world.plane, stage.ledger, stage.journal, stage.world.time, "r")
    injector.inject(stage.record.scenario.faults[0], 1)
    assert enough.wait(30), "no three renewals came within 30 s"
    injector.close()
    assert (["slow"], LEASE_MS) == renewals[0]
    assert not any(renewer.is_alive() for renewer in injector._renewers)


def test_what_was_undone_by_force_is_shown_to_be_off_before_the_ledger_forgets_it(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    stage.world.plane.deaf = True
    with pytest.raises(DirtyError):
        injector.undo_all()
    stage.world.plane.replace()
    injector.undo_all()
    assert ([], []) == (injector.on, stage.ledger.entries())
    assert injector.verify_clean([]).clean
    assert ["slow"] == [event.fault for event in only(stage.events(), FaultOff)]


def test_clean_means_that_nothing_is_left_and_that_all_could_be_asked(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    assert injector.verify_clean([]).clean
    assert not injector.verify_clean(["orders: stopped"]).clean
    with suppress(HarnessError):
        stage.world.plane.broken = True
        injector.inject(stage.record.scenario.faults[0], 1)
    found = injector.verify_clean([])
    assert (False, ["unknown: the fault plane does not answer"]) == (found.clean, found.faults)
    assert ["slow on orders:payments (latency)"] == found.ledger


@pytest.mark.parametrize("seen", ["slow", "broken", "refused"])
def test_a_callee_that_answers_nobody_is_what_the_fault_left_behind(staged: Staged, seen: str) -> None:
    """A retry storm, a full queue: the fault is off, and whether the callee recovers is for the checks to say."""
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    stage.world.plane.canary_says = lambda _: seen
    stage.world.plane.callee_says = "slow"
    injector.undo("slow")
    (off,) = only(stage.events(), FaultOff)
    assert f"{seen}, and slow past the plane: payments answers nobody" == off.evidence["canary"]
    assert injector.verify_clean([]).clean


def test_a_callee_that_answers_only_past_the_plane_shows_a_fault_that_is_still_on(staged: Staged) -> None:
    stage = staged()
    injector = begun(stage)
    injector.inject(stage.record.scenario.faults[0], 1)
    stage.world.plane.canary_says = lambda _: "slow"
    with pytest.raises(DirtyError, match="was slow, and payments itself answers"):
        injector.undo("slow")
    assert ["slow"] == injector.on
