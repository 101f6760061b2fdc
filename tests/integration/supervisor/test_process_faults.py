"""Faults on a real process: verified on, renewed or expired, verified off, and never left behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.supervisor.marks import DEADLINE_S, gone, nothing_left, wait_until
from tests.integration.supervisor.rig import Rig

LEASE_MS = 60_000

ACTIONS: dict[str, dict[str, Any]] = {
    "kill": {"do": "end", "signal": "SIGKILL", "again_after_ns": None},
    "restart": {"do": "end", "signal": "SIGTERM", "again_after_ns": 0},
    "slow_start": {"do": "end", "signal": "SIGTERM", "again_after_ns": 300_000_000},
    "pause": {"do": "throttle", "share": 0.0},
    "cpu": {"do": "throttle", "share": 0.3},
    "memory": {"do": "limit_memory", "headroom_bytes": 64 * 2**20},
}


def put_on(rig: Rig, kind: str, *, lease_ms: int = LEASE_MS, name: str = "f", **changes: Any) -> tuple[int, Any]:
    action = ACTIONS[kind] | changes
    order = {"id": name, "kind": kind, "service": "shelf", "action": action, "lease_ms": lease_ms}
    return rig.send("POST", "/faults", order)


def on(rig: Rig) -> list[str]:
    code, answer = rig.send("GET", "/faults")
    assert 200 == code
    return [fault["id"] for fault in answer["faults"]]


def ask(rig: Rig, path: str = "/", timeout_s: float = DEADLINE_S) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", rig.ports["shelf"], timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_AS)[0]


def as_it_was(rig: Rig) -> None:
    """Assert that the service runs, answers, and is neither stopped nor limited, and that nothing helps it any more."""
    status = rig.status()["processes"]["shelf"]
    assert status["pid"] is not None
    assert 200 == ask(rig)
    assert not stopped(status["pid"])
    assert resource.RLIM_INFINITY == limit(status["pid"])
    assert [] == throttles(rig)


def throttles(rig: Rig) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if any(part.endswith("throttle.py") for part in command) and str(rig.mark) in str(process.environ()):
                found.append(process)
    return found


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_fault_is_on_when_it_is_answered_and_off_when_its_removal_is(rig: Rig, kind: str) -> None:
    rig.up()
    runner = rig.attach()
    before = rig.pid("shelf")
    code, state = put_on(rig, kind)
    assert (200, "f", "shelf", kind) == (code, state["id"], state["service"], state["kind"]), state
    assert ["f"] == on(rig)
    match kind:
        case "kill" | "restart" | "slow_start":
            assert gone(before)
        case "pause":
            assert stopped(before)
        case "cpu":
            assert 1 == len(throttles(rig))
        case "memory":
            assert limit(before) == state["evidence"]["limit_bytes"] > state["evidence"]["has_bytes"]
    code, last = rig.send("DELETE", "/faults/f")
    assert (200, None) == (code, last["error"])
    as_it_was(rig)
    assert ([], (404, {"error": "there is no such fault", "status": 404})) == (on(rig), rig.send("DELETE", "/faults/f"))
    assert (rig.pid("shelf") == before) is (kind in ("pause", "cpu", "memory"))
    # a death that was asked for is no news: the first thing heard is one that was not
    rig.signal("collector", signal.SIGKILL)
    assert "collector" == runner.event()["name"]
    runner.release()


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_fault_expires_unless_renewed(rig: Rig, kind: str) -> None:
    rig.up()
    put_on(rig, kind, lease_ms=300)
    wait_until("the fault has expired", lambda: on(rig) == [])
    as_it_was(rig)
    assert (200, {"renewed": [], "unknown": ["f"]}) == rig.send("POST", "/faults/renew", {"ids": ["f"], "lease_ms": 9})


def test_a_renewed_fault_stays_also_beyond_the_deadline_of_who_stops_the_service(rig: Rig) -> None:
    rig.up()
    put_on(rig, "pause", lease_ms=5_000)
    renewal = {"renewed": ["f"], "unknown": ["g"]}
    assert (200, renewal) == rig.send("POST", "/faults/renew", {"ids": ["f", "g"], "lease_ms": LEASE_MS})
    time.sleep(6.5)  # it would have been let go 6 s after it was stopped
    assert ["f"] == on(rig)
    assert stopped(rig.pid("shelf"))
    assert 200 == rig.send("POST", "/faults/renew", {"ids": ["f"], "lease_ms": 300})[0]
    wait_until("it expires once nobody renews it", lambda: on(rig) == [])
    as_it_was(rig)


def test_a_paused_service_accepts_connections_and_answers_none(rig: Rig) -> None:
    rig.up()
    put_on(rig, "pause")
    socket.create_connection(("127.0.0.1", rig.ports["shelf"]), timeout=DEADLINE_S).close()
    with pytest.raises(TimeoutError):
        ask(rig, timeout_s=0.3)
    rig.send("DELETE", "/faults/f")
    as_it_was(rig)


def test_a_pause_stops_all_that_a_service_has_started(rig: Rig) -> None:
    command(rig, TINY_CHILD="1")
    rig.up()
    put_on(rig, "pause")
    (child,) = rig.named("sleep")
    wait_until("its child is stopped too", lambda: stopped(child.pid))
    rig.send("DELETE", "/faults/f")
    wait_until("its child continues too", lambda: not stopped(child.pid))


def test_a_throttled_service_is_stopped_for_the_rest_of_every_slice(rig: Rig) -> None:
    """It answers, and is found both stopped and running."""
    rig.up()
    put_on(rig, "cpu", share=0.5)
    pid = rig.pid("shelf")
    wait_until("it is seen stopped", lambda: stopped(pid))
    wait_until("it is seen running", lambda: not stopped(pid))
    assert 200 == ask(rig)


def test_a_service_without_memory_is_refused_what_it_asks_for(rig: Rig) -> None:
    rig.up()
    assert 200 == ask(rig, "/take/8")
    put_on(rig, "memory", headroom_bytes=16 * 2**20)
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(rig, "/take/256")
    rig.send("DELETE", "/faults/f")
    assert 200 == ask(rig, "/take/256")


def test_a_service_that_starts_late_is_started_by_itself(rig: Rig) -> None:
    rig.up()
    before = rig.pid("shelf")
    put_on(rig, "slow_start")
    wait_until("it is back", lambda: rig.status()["processes"]["shelf"]["pid"] not in (None, before))
    assert ["f"] == on(rig), "its undo is still to come"
    assert 200 == rig.send("DELETE", "/faults/f")[0]
    as_it_was(rig)


def test_an_undo_that_comes_early_starts_the_service_at_once(rig: Rig) -> None:
    rig.up()
    put_on(rig, "slow_start", again_after_ns=3600 * 10**9)
    assert 200 == rig.send("DELETE", "/faults/f")[0]
    as_it_was(rig)


def test_a_service_that_came_back_is_known_by_its_new_number(rig: Rig) -> None:
    rig.up()
    put_on(rig, "kill")
    rig.send("DELETE", "/faults/f")
    told = dict(json.loads(rig.requests("collector")[-1].removeprefix("PUT /targets "))["processes"])
    written = json.loads((rig.folder / "stack.json").read_text())["processes"]["shelf"]["pid"]
    assert rig.pid("shelf") == told["shelf"] == written


def test_a_service_that_ignores_being_asked_to_end_is_killed(rig: Rig) -> None:
    rig.change("shelf", TINY_STUBBORN="1")
    rig.up()
    code, state = put_on(rig, "restart")
    assert (200, "killed by SIGKILL") == (code, state["evidence"]["ended"])


def test_what_makes_no_sense_is_refused_and_does_nothing(rig: Rig) -> None:
    rig.up()
    before = rig.pid("shelf")
    good = {"id": "f", "kind": "pause", "service": "shelf", "action": ACTIONS["pause"], "lease_ms": LEASE_MS}
    for code, body in (
        (404, good | {"service": "shelves"}),
        (404, good | {"service": "faultproxy"}),
        (400, good | {"action": {"do": "burn"}}),
        (400, good | {"action": {"do": "throttle"}}),
        (400, good | {"more": 1}),
        (400, {"id": "f"}),
    ):
        assert code == rig.send("POST", "/faults", body)[0], body
    assert 400 == rig.send("POST", "/faults/renew", {"ids": ["f"]})[0]
    assert 404 == rig.send("DELETE", "/faults/")[0]
    assert ([], before) == (on(rig), rig.pid("shelf"))
    as_it_was(rig)


def test_a_service_takes_one_fault_at_once(rig: Rig) -> None:
    rig.up()
    put_on(rig, "cpu")
    assert (409, "there is a fault f already") == _said(put_on(rig, "pause"))
    said = "shelf is disturbed by f already; it takes one at once"
    assert (409, said) == _said(put_on(rig, "pause", name="g"))
    assert ["f"] == on(rig)


def test_a_service_that_does_not_run_cannot_be_disturbed_and_is_not_started(rig: Rig) -> None:
    rig.up()
    rig.signal("shelf", signal.SIGKILL)
    wait_until("it is gone", lambda: rig.status()["processes"]["shelf"]["pid"] is None)
    for kind in ACTIONS:
        assert 500 == put_on(rig, kind)[0]
        assert [] == on(rig)
    assert rig.status()["processes"]["shelf"]["pid"] is None


def test_a_service_that_cannot_be_started_again_stays_on_the_list_until_it_can(rig: Rig) -> None:
    fatal = rig.folder / "fatal"
    rig.change("shelf", TINY_DIES_IF=str(fatal))
    rig.up()
    put_on(rig, "kill")
    fatal.touch()
    code, said = rig.send("DELETE", "/faults/f")
    assert 500 == code
    assert "shelf was ended and cannot be started again: it ended while starting: exit status 3" in said["error"]
    assert "cannot find my database" in said["error"], "its last log lines"
    (state,) = rig.send("GET", "/faults")[1]["faults"]
    assert ("f", said["error"]) == (state["id"], state["error"])
    code, undone = rig.send("POST", "/undo", {})
    assert (500, True) == (code, "cannot be started again" in undone["error"])
    assert not (rig.folder / "ledger.jsonl").exists(), "the ledger still knows of it"
    fatal.unlink()
    assert (200, {}) == rig.send("POST", "/undo", {})
    assert [] == on(rig)
    as_it_was(rig)


def test_a_service_whose_log_cannot_be_opened_is_not_said_to_be_undone(rig: Rig) -> None:
    """The disk is full, say, or its folder is gone."""
    command(rig)
    rig.up()
    put_on(rig, "kill")
    logs = rig.folder / "logs"
    logs.rename(rig.folder / "elsewhere")
    code, undone = rig.send("POST", "/undo", {})
    assert (500, True) == (code, f"shelf: cannot open {logs}/shelf.log: No such file" in undone["error"]), undone
    assert not (rig.folder / "ledger.jsonl").exists(), "the ledger still knows of it"
    assert ["f"] == on(rig)
    (rig.folder / "elsewhere").rename(logs)
    assert (200, {}) == rig.send("POST", "/undo", {})
    as_it_was(rig)


def test_a_service_that_dies_while_it_is_paused_is_reported_and_the_fault_is_over(rig: Rig) -> None:
    rig.up()
    runner = rig.attach()
    put_on(rig, "pause")
    rig.signal("shelf", signal.SIGKILL)
    assert "shelf" == runner.event()["name"]
    wait_until("the fault is over", lambda: on(rig) == [])
    wait_until("nothing stops it any more", lambda: throttles(rig) == [])
    runner.release()


@pytest.mark.parametrize("kind", ["pause", "cpu"])
def test_when_who_stops_the_service_is_killed_it_continues_and_the_fault_is_over(rig: Rig, kind: str) -> None:
    rig.up()
    _, state = put_on(rig, kind)
    os.kill(state["evidence"]["throttle_pid"], signal.SIGKILL)
    wait_until("the fault is over", lambda: on(rig) == [])
    as_it_was(rig)


def test_a_supervisor_that_hangs_keeps_no_service_stopped(rig: Rig) -> None:
    """Who stops the service has a deadline of its own: the lease, and a second."""
    rig.up()
    put_on(rig, "pause", lease_ms=500)
    shelf = rig.pid("shelf")
    supervisor = rig.signal("supervisor", signal.SIGSTOP)
    try:
        wait_until("the service continues", lambda: not stopped(shelf))
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until("the fault is over", lambda: on(rig) == [])


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_runner_that_vanishes_leaves_no_service_disturbed(rig: Rig, kind: str) -> None:
    rig.up()
    runner = rig.attach()
    put_on(rig, kind)
    runner.vanish()
    wait_until("the fault is undone", lambda: on(rig) == [])
    as_it_was(rig)
    wait_until("the ledger is cleared", (rig.folder / "ledger.jsonl").exists)


@pytest.mark.parametrize("kind", ACTIONS)
def test_an_owned_stack_ends_with_its_runner_whatever_is_on(rig: Rig, kind: str) -> None:
    rig.owned = True
    rig.up()
    runner = rig.attach()
    put_on(rig, kind)
    runner.vanish()
    nothing_left(rig.mark)


@pytest.mark.parametrize("kind", ACTIONS)
def test_nothing_of_a_disturbed_stack_outlives_its_supervisor(rig: Rig, kind: str) -> None:
    rig.up()
    put_on(rig, kind)
    rig.signal("supervisor", signal.SIGKILL)
    nothing_left(rig.mark)


@pytest.mark.parametrize("kind", ["pause", "kill"])
def test_a_disturbed_stack_can_be_ended_in_good_order(rig: Rig, kind: str) -> None:
    rig.up()
    put_on(rig, kind)
    rig.send("POST", "/shutdown", {"quick": False})
    nothing_left(rig.mark)
    assert not Path(rig.folder / "stack.json").exists()


def test_one_fault_that_takes_long_to_undo_keeps_no_question_from_being_answered(rig: Rig) -> None:
    held_up = rig.folder / "held_up"
    rig.change("shelf", TINY_WAITS_WHILE=str(held_up))
    rig.up()
    held_up.touch()
    put_on(rig, "kill", lease_ms=1)
    wait_until("its undo has begun", lambda: rig.status()["processes"]["shelf"]["pid"] is not None)
    assert ["f"] == on(rig), "it is not yet ready"
    held_up.unlink()
    assert 200 == rig.send("DELETE", "/faults/f")[0] or [] == on(rig)
    as_it_was(rig)


def command(rig: Rig, **environment: str) -> None:
    """Have the service be a command of its own, not a forked function."""
    rig.change("shelf", argv=[sys.executable, "-m", "tests.integration.supervisor.tiny"], **environment)
    rig.change("shelf", argv=rig.processes["shelf"].argv, PYTHONPATH=rig.path[0])


def _said(answer: tuple[int, Any]) -> tuple[int, str]:
    code, body = answer
    return code, body["error"]
