"""What is undone when the runner, the supervisor, or whoever asked for the stack dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys

import pytest

from tests.integration.supervisor.marks import gone, nothing_left, wait_until
from tests.integration.supervisor.rig import Rig

_UNDONE = ["DELETE /faults", "DELETE /recording"]
"""What a fault plane is told when a runner is gone."""


def test_a_runner_that_vanishes_loses_its_load_its_faults_and_its_recordings_and_the_stack_stays(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    runner.start_load()
    (told,) = [line for line in rig.requests("collector") if line.startswith("PUT /processes")]
    assert ["load"] == list(json.loads(told.removeprefix("PUT /processes ")))
    runner.vanish()
    assert -signal.SIGKILL == runner.load_status()
    wait_until("its files are closed", lambda: "DELETE /recording" in rig.requests("collector"))
    assert _UNDONE == [line for line in rig.requests("faultproxy") if line.startswith("DELETE")]
    assert {"op": "clear", "by": "supervisor"} == json.loads((rig.folder / "ledger.jsonl").read_text())
    assert rig.status()["ready"]
    assert "load" not in rig.status()["pids"]


def test_a_runner_that_vanishes_takes_the_stack_with_it_that_was_its_own(rig: Rig) -> None:
    rig.owned = True
    rig.up()
    runner = rig.attach()
    runner.start_load()
    runner.vanish()
    assert -signal.SIGKILL == runner.load_status()
    nothing_left(rig.mark)
    assert _UNDONE == [line for line in rig.requests("faultproxy") if line.startswith("DELETE")]


def test_a_runner_that_lets_go_in_good_order_keeps_everything(rig: Rig) -> None:
    rig.owned = True
    rig.up()
    runner = rig.attach()
    load = runner.start_load()
    runner.release()
    assert not gone(load)
    assert not [line for line in rig.requests("faultproxy") if line.startswith("DELETE")]
    assert not (rig.folder / "ledger.jsonl").exists()
    assert rig.status()["ready"]
    runner.end_load()


def test_the_load_of_a_runner_ends_with_the_stack_also_when_the_stack_is_told_to_end(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    runner.start_load()
    rig.send("POST", "/shutdown", {"quick": True})
    assert -signal.SIGKILL == runner.load_status()
    nothing_left(rig.mark)


def test_a_fault_plane_that_hangs_when_its_runner_vanishes_is_replaced(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    hung = rig.signal("faultproxy", signal.SIGSTOP)
    runner.vanish()
    wait_until("another one is there", lambda: rig.status()["processes"]["faultproxy"]["pid"] not in (None, hung))
    wait_until("its edges are open", lambda: 2 == len([r for r in rig.requests("faultproxy") if "/populate" in r]))


def test_undoing_can_be_asked_for(rig: Rig) -> None:
    rig.up()
    before = rig.pid("faultproxy")
    assert (200, {}) == rig.send("POST", "/undo", {})
    assert ["DELETE /faults", "GET /faults"] == rig.requests("faultproxy")[-2:], "off, and seen to be"
    assert before == rig.pid("faultproxy")


def test_a_plane_that_keeps_its_faults_loses_them_with_its_proxies_which_are_made_again(rig: Rig) -> None:
    rig.change("faultproxy", TINY_KEEPS_FAULTS="1")
    rig.up()
    before = rig.pid("faultproxy")
    assert (200, {}) == rig.send("POST", "/undo", {})
    steps = [line.split(" [")[0] for line in rig.requests("faultproxy")[1:]]
    again = ["DELETE /proxies/a:b", "POST /populate", "GET /faults"]
    assert ["DELETE /faults", "GET /faults", *again] == steps
    assert before == rig.pid("faultproxy")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_undoing_on_a_plane_that_hangs_or_is_dead_is_answered_when_another_one_has_open_edges(
    rig: Rig, number: signal.Signals
) -> None:
    rig.up()
    before = rig.signal("faultproxy", number)
    assert (200, {}) == rig.send("POST", "/undo", {})
    assert before != rig.pid("faultproxy")
    assert "GET /faults" == rig.requests("faultproxy")[-1]
    assert 2 == len([line for line in rig.requests("faultproxy") if line.startswith("POST /populate")])


def test_a_plane_that_can_never_say_that_its_edges_are_open_is_not_called_undone(rig: Rig) -> None:
    rig.change("faultproxy", TINY_FAILS_AT="/faults")
    rig.up()
    code, said = rig.send("POST", "/undo", {})
    assert (500, "the fault plane was replaced and does not answer") == (code, said["error"])
    assert not (rig.folder / "ledger.jsonl").exists(), "the ledger still knows of them"


@pytest.mark.parametrize("owned", [True, False])
def test_a_stack_ends_when_who_asked_for_it_is_gone_before_it_is_ready(rig: Rig, owned: bool) -> None:
    rig.owned = owned
    rig.change("shelf", TINY_HANGS="1")
    rig.launch()
    wait_until("a part of it runs", lambda: rig.requests("faultproxy") != [])
    rig.let_go()
    nothing_left(rig.mark)
    assert not (rig.folder / "stack.json").exists()


def test_an_owned_stack_ends_when_its_owner_is_gone_attached_or_not(rig: Rig) -> None:
    rig.owned = True
    rig.up()
    rig.let_go()
    nothing_left(rig.mark)
    assert "DELETE /faults" in rig.requests("faultproxy")


def test_a_stack_that_is_nobodys_own_stays_when_who_asked_for_it_is_gone(rig: Rig) -> None:
    rig.up()
    rig.let_go()
    runner = rig.attach()
    runner.release()
    assert rig.status()["ready"]


def test_a_stack_whose_folder_was_deleted_ends_since_no_command_could_find_it_any_more(rig: Rig) -> None:
    rig.up()
    shutil.rmtree(rig.folder)
    nothing_left(rig.mark)


@pytest.mark.parametrize("stopped", ["shelf", "faultproxy", "forkserver", "load"])
def test_nothing_outlives_a_supervisor_that_is_killed_not_even_what_is_stopped(rig: Rig, stopped: str) -> None:
    rig.change("shelf", argv=[sys.executable, "-m", "tests.integration.supervisor.tiny"], TINY_CHILD="1")
    rig.change("shelf", argv=rig.processes["shelf"].argv, PYTHONPATH=rig.path[0])
    rig.up()
    runner = rig.attach()
    runner.start_load()
    rig.signal(stopped, signal.SIGSTOP)
    rig.signal("supervisor", signal.SIGKILL)
    assert -signal.SIGKILL == runner.load_status()
    nothing_left(rig.mark)


def test_nothing_outlives_a_supervisor_that_is_killed_while_it_imports(rig: Rig) -> None:
    (rig.folder / "module_that_hangs.py").write_text("import time\ntime.sleep(600)\n")
    rig.preload.append("module_that_hangs")
    rig.path.append(str(rig.folder))
    rig.launch()
    wait_until("the import has begun", lambda: len(rig.named("workbench.supervisor.forkserver")) == 1)
    os.kill(rig.named("workbench.supervisor")[0].pid, signal.SIGKILL)
    nothing_left(rig.mark)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_stack_in_good_order(rig: Rig, number: signal.Signals) -> None:
    rig.up()
    rig.signal("supervisor", number)
    nothing_left(rig.mark)
    assert not (rig.folder / "stack.json").exists(), "removed by the supervisor itself"
