"""Whole runs with faults on services: felt, journalled, undone, and never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
from typing import Any

import psutil
import pytest

from tests.integration.native.rig import Folder, done, events
from tests.integration.supervisor.marks import marked, nothing_left, wait_until

_LONG = ("--set", "phases.baseline.duration=5s", "--set", "phases.fault.duration=280s")
_FOREVER = ("run", "disturbed", "--allow-inconclusive", *_LONG)


def only(**fault: Any) -> tuple[str, ...]:
    """Return how to run with this one fault, which stays on for as long as the test wants."""
    return (*_FOREVER, "--set", f"faults=[{json.dumps({'id': 'only'} | fault)}]")


def stopped_or_limited(mark: str) -> list[str]:
    found = []
    for process in marked(mark):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.status() == psutil.STATUS_STOPPED:
                found.append(f"{process.pid} is stopped")
            if resource.prlimit(process.pid, resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
                found.append(f"{process.pid} is limited")
    return found


def test_a_run_disturbs_services_one_after_the_other_and_leaves_them_as_they_were(pair: Folder) -> None:
    pair.up()
    ran = pair.workbench("run", "disturbed", "--json", "--allow-inconclusive")
    verdict = json.loads(ran.out)
    found = {check["id"]: check for check in verdict["checks"]}
    for fault in ("paused", "killed", "starved", "late"):
        assert "PASS" == found[f"A2:{fault}"]["outcome"], found[f"A2:{fault}"]["reason"]
    tight = found["A2:tight"]
    if tight["outcome"] == "PASS":  # nobody asks back for memory; but where there is no core to be had, callers wait
        assert "and 0 took longer" not in tight["reason"], tight["reason"]
    else:
        assert "INCONCLUSIVE" == tight["outcome"], tight["reason"]
    for check in ("V4", "V5", "A24"):
        assert "PASS" == found[check]["outcome"], found[check]["reason"]
    (run,) = pair.runs()
    for event in ("fault_on", "fault_off"):
        assert ["paused", "killed", "starved", "late", "tight"] == [e["fault"] for e in events(run, event)]
    assert [] == events(run, "service_died"), "these deaths were asked for"
    assert {"PASS": 0, "INCONCLUSIVE": 3}[verdict["outcome"]] == ran.code
    assert "of users while it was on" in (run / "report.md").read_text()

    assert [] == stopped_or_limited(pair.mark)
    assert "word (bugs: )" == pair.ask()
    status = pair.status()
    assert ([], []) == (status["faults"], status["ledger"])


KINDS: list[dict[str, Any]] = [
    {"kind": "kill", "service": "back"},
    {"kind": "slow_start", "service": "front", "delay": "60s"},
    {"kind": "pause", "service": "back"},
    {"kind": "cpu", "service": "back", "limit": "20%"},
    {"kind": "memory", "service": "back", "headroom": "64MiB"},
]


@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: str(fault["kind"]))
def test_a_run_that_is_killed_leaves_no_service_of_a_stack_that_stays_disturbed(
    pair: Folder, fault: dict[str, Any]
) -> None:
    pair.up()
    running = pair.start(*only(**fault))
    pair.wait_for_event("fault_on")
    running.kill()
    done(running)
    wait_until("the supervisor has undone it", lambda: pair.status()["faults"] == [])
    assert "word (bugs: )" == pair.ask()
    assert [] == stopped_or_limited(pair.mark)
    assert [] == pair.status()["ledger"]


def test_an_interrupted_run_undoes_and_says_so(pair: Folder) -> None:
    running = pair.start(*only(kind="kill", service="back"))
    pair.wait_for_event("fault_on")
    running.send_signal(signal.SIGTERM)
    assert 143 == done(running).code
    (run,) = pair.runs()
    assert ["only"] == [event["fault"] for event in events(run, "fault_off")]
    assert events(run, "clean_verified")[-1]["clean"]
    nothing_left(pair.mark)


def test_a_service_that_cannot_be_started_again_is_dirt_until_it_is_healed(pair: Folder) -> None:
    pair.up()
    running = pair.start(*only(kind="kill", service="back"), "--json")
    pair.wait_for_event("fault_on")
    (pair.path / "back_cannot_start").touch()
    running.send_signal(signal.SIGTERM)
    ended = done(running)
    assert 5 == ended.code, ended.err
    (run,) = pair.runs()
    assert "back was ended and cannot be started again" in (run / "journal.jsonl").read_text()
    clean = events(run, "clean_verified")[-1]
    assert (False, ["only on back"], ["only on back (kill)"]) == (clean["clean"], clean["faults"], clean["ledger"])

    pair.workbench("heal").refused(4, "back was ended and cannot be started again")
    assert any("only on back" in fault for fault in pair.status()["faults"])
    (pair.path / "back_cannot_start").unlink()
    healed = pair.workbench("heal")
    assert 0 == healed.code, healed.err
    assert "only on back" in healed.out or "no fault is on" in healed.out, "the supervisor tries again by itself, too"
    assert "word (bugs: )" == pair.ask()
    assert ([], []) == (pair.status()["faults"], pair.status()["ledger"])
    assert "no fault is on" in pair.workbench("heal").out, "it can be done again"


def test_a_fault_plane_that_hangs_at_the_undo_is_replaced_and_the_undo_is_shown(pair: Folder) -> None:
    """The control API has a deadline; beyond it the plane is replaced, its edges are open, and that is looked at."""
    pair.up()
    running = pair.start(*only(kind="refuse", edge="front:back"))
    pair.wait_for_event("fault_on")
    plane = pair.pid("faultproxy")
    os.kill(plane, signal.SIGSTOP)
    running.send_signal(signal.SIGINT)
    assert done(running).code in (4, 130)
    (run,) = pair.runs()
    assert ["only"] == [event["fault"] for event in events(run, "fault_off")]
    assert events(run, "clean_verified")[-1]["clean"]
    assert not psutil.pid_exists(plane)
    assert "word (bugs: )" == pair.ask()


def test_by_hand_a_service_is_disturbed_and_put_right(pair: Folder) -> None:
    pair.up()
    assert 0 == pair.workbench("fault", "add", "pause", "back", "--id", "held").code
    assert any("held on back" in fault for fault in pair.status()["faults"])
    assert [f"{pair.pid('back')} is stopped"] == stopped_or_limited(pair.mark)
    assert "undone: held on back" in pair.workbench("heal").out
    assert [] == stopped_or_limited(pair.mark)
    assert "word (bugs: )" == pair.ask()
    assert 0 == pair.workbench("fault", "add", "kill", "back", "--for", "5s").code
    wait_until("it ends by itself", lambda: pair.status()["faults"] == [])
    assert "word (bugs: )" == pair.ask()
