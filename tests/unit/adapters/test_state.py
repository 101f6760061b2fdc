"""The state of a folder: one at a time, and never mistaking a later process for the one that was written down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workbench.adapters.native.state import State, is_alive
from workbench.errors import EnvironmentFailure, UsageError
from workbench.model.stack import ProcessId, RunningStack


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / ".workbench")


def _me() -> ProcessId:
    return ProcessId(pid=os.getpid(), started_s=psutil.Process().create_time())


def _write(state: State, supervisor: ProcessId) -> RunningStack:
    stack = RunningStack(
        stack_id="s",
        system="pair",
        system_file="system.yaml",
        port_base=18_000,
        services={},
        edges={},
        control_url="",
        plane_url="",
        collector_url="",
        token="t",
        abilities=[],
        owned=False,
        processes={"supervisor": supervisor},
    )
    state.folder.mkdir()
    state.stack_file.write_text(stack.model_dump_json())
    return stack


def test_a_stack_counts_as_long_as_its_supervisor_lives(state: State) -> None:
    assert state.stack() is None
    assert _write(state, _me()) == state.stack()


def test_a_number_that_somebody_else_has_now_is_not_the_supervisor(state: State) -> None:
    _write(state, ProcessId(pid=os.getpid(), started_s=_me().started_s - 100))
    assert state.stack() is None
    assert not state.stack_file.exists()


def test_a_process_that_nobody_has_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = ProcessId(pid=child.pid, started_s=psutil.Process(child.pid).create_time())
    assert is_alive(process)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process)
    child.communicate()
    assert not is_alive(process)


def test_a_folder_that_is_busy_names_who_does_what(state: State) -> None:
    assert state.holder_pid() is None
    with state.exclusive("run latency-spike"):
        assert os.getpid() == state.holder_pid()
        with (
            pytest.raises(UsageError, match=rf"run latency-spike \(pid {os.getpid()}\)"),
            State(state.folder).exclusive("up"),
        ):
            raise AssertionError("two at once")
    assert state.holder_pid() is None
    with state.exclusive("up"):
        pass


def test_the_lock_of_a_process_that_was_killed_is_free(state: State) -> None:
    holding = (
        "import sys, pathlib; from workbench.adapters.native.state import State\n"
        "with State(pathlib.Path(sys.argv[1])).exclusive('up'): print('held', flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", holding, str(state.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert b"held\n" == child.stdout.readline()
    assert child.pid == state.holder_pid()
    child.kill()
    child.communicate()
    assert state.holder_pid() is None
    with state.exclusive("up"):
        pass


def test_a_lock_is_let_go_when_what_was_done_fails(state: State) -> None:
    with pytest.raises(RuntimeError), state.exclusive("up"):
        raise RuntimeError
    assert state.holder_pid() is None


def test_asking_who_is_busy_makes_no_folder(state: State) -> None:
    assert state.holder_pid() is None
    assert not state.folder.exists()


def test_a_folder_without_room_is_named_and_can_still_be_worked_in_to_take_things_down(state: State) -> None:
    state.folder.mkdir()
    (state.folder / ".writable").symlink_to("/dev/full")
    (state.folder / "holder.json").symlink_to("/dev/full")
    with pytest.raises(EnvironmentFailure, match="No space left on device"):
        state.create()
    with state.exclusive("down"):
        pass


def test_clearing_forgets_databases_and_logs_and_keeps_the_ledger(state: State) -> None:
    state.create()
    (state.folder / "data" / "orders").mkdir(parents=True)
    (state.logs / "orders.log").touch()
    state.ledger_file.write_text("{}\n")
    state.clear()
    assert not (state.folder / "data").exists()
    assert [] == list(state.logs.iterdir())
    assert state.ledger_file.exists()
