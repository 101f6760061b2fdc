"""What the supervisor does about a death that nobody asked for, and whom it listens to."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.supervisor.marks import gone, nothing_left, wait_until
from tests.integration.supervisor.rig import Rig
from workbench.supervisor.log_files import log_tail


def test_a_service_that_dies_is_reported_through_the_attachment_and_stays_dead(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    rig.signal("shelf", signal.SIGKILL)
    event = runner.event()
    assert ("died", "shelf", "killed by SIGKILL") == (event["event"], event["name"], event["status"])
    assert ["tiny starts"] == event["log_tail"]
    assert {"pid": None, "ended": "killed by SIGKILL"} == rig.status()["processes"]["shelf"]
    runner.release()


def test_a_command_that_dies_is_reported_the_same_way_and_its_children_die_with_it(rig: Rig) -> None:
    rig.change("shelf", argv=[sys.executable, "-m", "tests.integration.supervisor.tiny"], TINY_CHILD="1")
    rig.change("shelf", argv=rig.processes["shelf"].argv, PYTHONPATH=rig.path[0])
    rig.up()
    runner = rig.attach()
    pid = rig.signal("shelf", signal.SIGTERM)
    assert "killed by SIGTERM" == runner.event()["status"]
    runner.release()
    assert gone(pid)
    wait_until("its child is gone too", lambda: not rig.named("sleep"))


@pytest.mark.parametrize("name", ["faultproxy", "collector"])
def test_a_part_of_the_workbench_comes_back_with_its_settings(rig: Rig, name: str) -> None:
    rig.up()
    runner = rig.attach()
    before = rig.signal(name, signal.SIGKILL)
    assert name == runner.event()["name"]
    wait_until("it is back and the collector knows its number", lambda: _known(rig, name) not in (None, before))
    written = json.loads((rig.folder / "stack.json").read_text())["processes"][name]["pid"]
    assert rig.pid(name) == _known(rig, name) == written
    assert (2 if name == "faultproxy" else 1) == len(_made(rig))
    runner.release()


def test_a_part_that_keeps_dying_does_not_keep_other_deaths_from_being_noticed(rig: Rig) -> None:
    fatal = rig.folder / "fatal"
    rig.change("collector", TINY_DIES_IF=str(fatal))
    rig.up()
    runner = rig.attach()
    fatal.touch()
    rig.signal("collector", signal.SIGKILL)
    assert ["killed by SIGKILL", "exit status 3"] == [runner.event()["status"] for _ in range(2)]
    rig.signal("shelf", signal.SIGKILL)
    while (event := runner.event())["name"] != "shelf":
        assert "exit status 3" == event["status"]
    fatal.unlink()
    wait_until("the collector is back at last", lambda: rig.status()["processes"]["collector"]["pid"] is not None)
    runner.release()


def test_a_part_that_comes_up_and_never_gets_ready_is_replaced(rig: Rig) -> None:
    rig.ready_within_s = 12
    held_up = rig.folder / "held_up"
    rig.change("faultproxy", TINY_WAITS_WHILE=str(held_up))
    rig.up()
    held_up.touch()
    first = rig.signal("faultproxy", signal.SIGKILL)
    wait_until("another one is there", lambda: _pid(rig, "faultproxy") not in (None, first))
    second = _pid(rig, "faultproxy")
    wait_until("that one is replaced", lambda: _pid(rig, "faultproxy") not in (None, second))
    held_up.unlink()
    wait_until("a third one has its edges", lambda: 2 == len(_made(rig)))
    assert (200, {}) == rig.send("POST", "/undo", {})


def test_a_part_that_cannot_be_started_is_tried_again(rig: Rig) -> None:
    program = rig.folder / "python"
    program.symlink_to(sys.executable)
    rig.change("collector", argv=[str(program), "-m", "tests.integration.supervisor.tiny"], PYTHONPATH=rig.path[0])
    rig.change("collector", argv=rig.processes["collector"].argv)
    rig.up()
    program.rename(rig.folder / "elsewhere")
    rig.signal("collector", signal.SIGKILL)
    wait_until("it cannot be run", lambda: "cannot run" in (rig.status()["processes"]["collector"]["ended"] or ""))
    (rig.folder / "elsewhere").rename(program)
    wait_until("it is back", lambda: _pid(rig, "collector") is not None)


def test_who_has_no_token_is_refused_and_nothing_is_done(rig: Rig) -> None:
    rig.up()
    for method, path in (("GET", "/status"), ("POST", "/shutdown"), ("POST", "/undo"), ("POST", "/attach")):
        for token in ("", "guess"):
            assert (401, {"error": "wrong or missing token", "status": 401}) == rig.send(method, path, token=token)
    assert rig.status()["ready"]
    assert not [line for line in rig.requests("faultproxy") if line.startswith("DELETE")]


def test_an_unknown_address_is_named(rig: Rig) -> None:
    rig.up()
    assert (404, {"error": "there is no /nothing", "status": 404}) == rig.send("GET", "/nothing")
    assert (404, {"error": "there is no /nothing", "status": 404}) == rig.send("POST", "/nothing")


def test_without_its_guard_a_stack_goes_on_and_still_ends_whole(rig: Rig) -> None:
    rig.up()
    guard = rig.signal("guard", signal.SIGKILL)
    wait_until("the guard is gone", lambda: gone(guard))
    runner = rig.attach()
    rig.signal("collector", signal.SIGKILL)
    assert "collector" == runner.event()["name"]
    wait_until("the collector is back", lambda: rig.status()["processes"]["collector"]["pid"] is not None)
    runner.release()
    rig.send("POST", "/shutdown", {"quick": True})
    nothing_left(rig.mark)


def test_when_the_fork_server_dies_every_service_is_reported_and_the_stack_can_be_ended(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    rig.signal("forkserver", signal.SIGKILL)
    assert {"shelf", "faultproxy", "collector"} == {runner.event()["name"] for _ in range(3)}
    assert rig.status()["processes"]["shelf"]["ended"] is not None
    runner.release()
    rig.send("POST", "/shutdown", {"quick": True})
    nothing_left(rig.mark)


def _pid(rig: Rig, name: str) -> int | None:
    found: int | None = rig.status()["processes"][name]["pid"]
    return found


def _known(rig: Rig, name: str) -> int | None:
    """The number that the collector was told last."""
    last = rig.requests("collector")[-1]
    return dict(json.loads(last.removeprefix("PUT /targets "))["processes"]).get(name)


def _made(rig: Rig) -> list[str]:
    return [line for line in rig.requests("faultproxy") if line.startswith("POST /populate")]


def test_of_a_log_line_as_long_as_a_page_its_ends_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "orders.log"
    log.write_text("starts\n" + '{"event": "Traceback ' + "x" * 5000 + 'index already exists"}\n')
    short, long = log_tail(str(log))
    assert ("starts", 605) == (short, len(long))
    assert long.startswith('{"event": "Traceback xxx')
    assert long.endswith('xxxindex already exists"}')
    assert " ... " in long
