"""Whole runs on a system that is not the shop: the happy end, and the ones that users fear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.native.rig import Folder, done
from tests.integration.supervisor.marks import nothing_left

_LONG = ("run", "back-refused", "--allow-inconclusive")


def test_a_run_starts_its_system_prints_nothing_but_its_verdict_and_takes_everything_down(pair: Folder) -> None:
    ran = pair.workbench("run", "asked", "--json")
    assert 0 == ran.code, ran.err
    assert "PASS" == json.loads(ran.out)["outcome"]
    assert "Front answers as long as back does." in ran.err
    nothing_left(pair.mark)
    (run,) = pair.runs()
    assert json.loads((run / "verdict.json").read_text()) == json.loads(ran.out)
    assert not (pair.state / "stack.json").exists()
    assert (pair.path / "reports" / "latest").resolve() == run
    for report in ("report.html", "report.md", "junit.xml"):
        assert (run / report).stat().st_size > 0
    kept = "".join(file.read_text(errors="replace") for file in run.rglob("*") if file.is_file())
    assert _token(pair) not in kept


def test_a_run_leaves_a_stack_that_was_up_as_it_was(pair: Folder) -> None:
    before = pair.up()["stack"]
    ran = pair.workbench("run", "asked")
    assert 0 == ran.code, ran.err
    assert "exit 0: " in ran.out.splitlines()[-1]
    assert before == pair.status()["stack"]


def test_a_second_run_is_refused_while_one_goes_on_and_stop_ends_the_first_with_143(pair: Folder) -> None:
    first = pair.start(*_LONG)
    pair.wait_for_event("fault_on")
    for command in (["run", "asked"], ["up", "--system", "system.yaml"], ["down"]):
        pair.workbench(*command).refused(
            2, "another workbench is busy in", f"run back-refused (pid {first.pid})", "workbench stop"
        )
    told = pair.status()
    (fault,) = told["faults"]
    assert fault.startswith("no-back on front:back, ")
    assert f"run back-refused (pid {first.pid})" in told["busy"]
    assert "fault ON: no-back on front:back" in pair.workbench("status").out
    stopped = pair.workbench("stop")
    assert (0, f"the run (pid {first.pid}) has ended\n") == (stopped.code, stopped.out)
    ended = done(first)
    assert 143 == ended.code, ended.err
    assert "exit 143: " in ended.out.splitlines()[-1]
    nothing_left(pair.mark)
    assert [] == pair.status()["ledger"]
    (run,) = pair.runs()
    assert (run / "report.html").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 143)])
def test_a_run_that_is_interrupted_undoes_saves_and_says_so(pair: Folder, number: signal.Signals, code: int) -> None:
    running = pair.start(*_LONG)
    pair.wait_for_event("fault_on")
    running.send_signal(number)
    ended = done(running)
    assert code == ended.code, ended.err
    assert f"exit {code}: " in ended.out.splitlines()[-1]
    nothing_left(pair.mark)
    (run,) = pair.runs()
    events = [json.loads(line)["event"] for line in (run / "journal.jsonl").read_text().splitlines()]
    assert "fault_off" in events
    assert (run / "report.html").exists()
    assert code == pair.workbench("judge", str(run)).code


def test_nothing_of_a_run_outlives_its_sudden_death(pair: Folder) -> None:
    running = pair.start(*_LONG)
    pair.wait_for_event("fault_on")
    running.kill()
    done(running)
    nothing_left(pair.mark)
    assert [] == pair.status()["ledger"], "the supervisor has undone the fault"
    assert "nothing is up" in pair.workbench("status").out
    assert 0 == pair.workbench("doctor").code


def test_a_run_that_dies_on_a_stack_that_stays_leaves_it_without_faults(pair: Folder) -> None:
    pair.up()
    running = pair.start(*_LONG)
    pair.wait_for_event("fault_on")
    running.kill()
    done(running)
    until = time.monotonic() + 60
    while pair.status()["faults"]:
        assert time.monotonic() < until, "waited 60 s until the supervisor had undone the fault"
    assert "word (bugs: )" == pair.ask()


def test_a_service_that_dies_at_start_gives_4_its_last_words_and_a_readable_run(pair: Folder) -> None:
    (pair.path / "back_cannot_start").touch()
    ran = pair.workbench("run", "asked")
    assert 4 == ran.code
    assert "Traceback" not in ran.err
    assert "back has no words to give" in ran.out + ran.err
    assert ran.out.splitlines()[-1].startswith("exit 4: ")
    nothing_left(pair.mark)
    (run,) = pair.runs()
    assert "back has no words to give" in (run / "report.md").read_text()


def test_a_service_that_dies_during_the_run_makes_it_inconclusive_and_is_named(pair: Folder) -> None:
    running = pair.start("run", "asked", "--set", "phases.baseline.duration=8s", "--json")
    pair.wait_for_event("phase_started")
    os.kill(pair.pid("back"), signal.SIGKILL)
    ended = done(running)
    assert 3 == ended.code, ended.err
    verdict = json.loads(ended.out)
    assert "INCONCLUSIVE" == verdict["outcome"]
    assert "back" in json.dumps([c for c in verdict["checks"] if c["check"] == "V5"])
    nothing_left(pair.mark)


def test_a_collector_that_dies_leaves_undecided_what_needed_it_and_the_rest_as_it_is(pair: Folder) -> None:
    """The run goes on, faults come and go as planned, and nobody takes a table that is torn for a whole one."""
    running = pair.start("run", "words", "--json", "--allow-inconclusive")
    pair.wait_for_event("phase_started")
    os.kill(pair.pid("collector"), signal.SIGKILL)
    pair.wait_for_event("warned")
    ended = done(running)
    assert 3 == ended.code, ended.err
    assert "Traceback" not in ended.err
    assert "What the collector was to record from here on is missing" in ended.err
    verdict = json.loads(ended.out)
    assert "INCONCLUSIVE" == verdict["outcome"]
    assert "V5: collector, a part of the workbench, died" in " ".join(verdict["reasons"])
    found = {check["id"]: check["outcome"] for check in verdict["checks"]}
    assert ("INCONCLUSIVE", "PASS", "PASS") == (found["V5"], found["V1"], found["A2:slow"])
    (run,) = pair.runs()
    events = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    assert [] == [event for event in events if event["event"] == "failed"]
    assert ["slow", "broken"] == [event["fault"] for event in events if event["event"] == "fault_off"]
    (clean,) = [event for event in events if event["event"] == "clean_verified"]
    assert clean["clean"]
    assert (run / "report.html").exists()
    nothing_left(pair.mark)
    assert 3 == pair.workbench("judge", str(run)).code


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A disk with room for nearly nothing, of a process that may make one."""
    if os.geteuid() != 0 or not _may_mount(tmp_path / "tried"):
        pytest.skip("needs the right to mount a tmpfs")
    return tmp_path / "disk"


@pytest.mark.parametrize("room", ["8k", "24k"])
def test_a_disk_that_is_full_is_named_and_nothing_is_left(pair: Folder, small_disk: Path, room: str) -> None:
    small_disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(small_disk)], check=True)
    try:
        ran = pair.workbench("run", "asked", "--reports", str(small_disk))
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)
    assert 4 == ran.code, ran.out + ran.err
    assert "No space left on device" in ran.err
    assert "Traceback" not in ran.err
    nothing_left(pair.mark)


def _may_mount(folder: Path) -> bool:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode == 0:
        subprocess.run(["umount", str(folder)], check=True)
    return mounted.returncode == 0


def _token(pair: Folder) -> str:
    return str(json.loads((pair.state / "supervisor.json").read_text())["token"])
