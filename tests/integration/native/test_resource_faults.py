"""Faults on what services keep their work in: carried out by them, counted, renewed, undone by whoever is left."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from tests.integration.native.rig import Folder, done, events
from tests.integration.supervisor.marks import wait_until

_LONG = ("--set", "phases.baseline.duration=5s", "--set", "phases.fault.duration=280s")
_FOREVER = ("run", "words", "--allow-inconclusive", *_LONG)
_ONLY = {"id": "only", "kind": "db_slow", "resource": "words", "delay": "1ms"}
FOREVER = (*_FOREVER, "--set", f"faults=[{json.dumps(_ONLY)}]")


def checks(out: str) -> dict[str, Any]:
    return {check["id"]: check for check in json.loads(out)["checks"]}


def test_a_run_disturbs_a_resource_and_the_hits_are_those_of_the_seed(pair: Folder) -> None:
    pair.up()
    ran = pair.workbench("run", "words", "--json", "--allow-inconclusive")
    found = checks(ran.out)
    for fault in ("slow", "broken"):
        assert "PASS" == found[f"A2:{fault}"]["outcome"], found[f"A2:{fault}"]["reason"]
        assert "transactions, exactly those its seed says" in found[f"A2:{fault}"]["reason"]
    assert "PASS" == found["A24"]["outcome"]
    (run,) = pair.runs()
    slow, broken = events(run, "fault_off")
    assert 0 < slow["counts"]["hit"] < slow["counts"]["eligible"]
    assert broken["counts"]["hit"] == broken["counts"]["back.hit"] == broken["counts"]["eligible"]
    assert "answered" == broken["evidence"]["canary"]
    assert "transactions" in (run / "report.md").read_text()
    assert "word (bugs: )" == pair.ask()
    assert ([], []) == (pair.status()["faults"], pair.status()["ledger"])


def test_a_run_that_is_killed_leaves_no_disturbance_in_a_stack_that_stays(pair: Folder) -> None:
    pair.up()
    running = pair.start(*FOREVER)
    pair.wait_for_event("fault_on")
    running.kill()
    done(running)
    wait_until("the supervisor has cleared the ledger", lambda: pair.status()["ledger"] == [])
    assert [] == pair.status()["faults"]


def test_what_nobody_renews_or_undoes_is_ended_by_its_lease_in_the_service(pair: Folder) -> None:
    pair.up()
    running = pair.start(*FOREVER)
    pair.wait_for_event("fault_on")
    os.kill(running.pid, signal.SIGSTOP)  # it lives, so nobody is told, and it renews nothing
    try:
        wait_until("the lease has ended it", lambda: pair.status()["faults"] == [])
    finally:
        running.send_signal(signal.SIGCONT)
    pair.wait_for_event("fault_lost")
    wait_until("the run holds it no longer", lambda: pair.status()["ledger"] == [])
    running.send_signal(signal.SIGINT)
    done(running)
    (run,) = pair.runs()
    assert ["only"] == [lost["fault"] for lost in events(run, "fault_lost")]


def test_a_service_that_was_started_again_has_lost_its_disturbance_and_the_run_says_so(pair: Folder) -> None:
    pair.up()
    when = {"start": "3s", "duration": "2s"}
    lost = {"id": "ended", "kind": "restart", "service": "back", "min_evidence": 1, "schedule": when}
    faults = json.dumps([_ONLY, lost])
    ran = pair.workbench("run", "words", "--json", "--allow-inconclusive", "--set", f"faults={faults}")
    assert 3 == ran.code, ran.err
    found = checks(ran.out)["A2:only"]
    assert "INCONCLUSIVE" == found["outcome"]
    assert "one of its services was started again" in found["reason"]
    (run,) = pair.runs()
    assert events(run, "clean_verified")[-1]["clean"]


def test_a_service_that_does_not_do_as_it_is_told_fails_the_run_and_nothing_stays_on(pair: Folder) -> None:
    pair.replace("pair_services.py", '!= "database"', '== "database"')
    ran = pair.workbench("run", "words", "--allow-inconclusive")
    assert 4 == ran.code
    assert "the back refused PUT /slow: status 422" in ran.err
    (run,) = pair.runs()
    assert events(run, "clean_verified")[-1]["clean"]


def test_by_hand_a_resource_is_disturbed_shown_and_put_right(pair: Folder) -> None:
    pair.up()
    pair.workbench("fault", "add", "db_slow", "word").refused(2, "unknown resource 'word'", "words")
    pair.workbench("fault", "add", "broker_down", "words").refused(2, "is done to a broker, and words is a database")
    assert 0 == pair.workbench("fault", "add", "db_slow", "words", "--delay", "1ms", "--id", "mine").code
    pair.ask()
    (seen,) = json.loads(pair.workbench("fault", "list", "--json").out)
    assert ("mine", "words", "db_slow") == (seen["id"], seen["target"], seen["kind"])
    assert 1 == seen["counts"]["back.hit"]
    assert any("mine on words" in fault for fault in pair.status()["faults"])
    pair.workbench("run", "asked").refused(2, "fault mine is on words, put there by hand")
    assert "undone: mine on words" in pair.workbench("heal").out
    assert [] == pair.status()["faults"]
    assert 0 == pair.workbench("fault", "add", "db_error", "words", "--for", "5s").code
    wait_until("it ends by itself", lambda: pair.status()["faults"] == [])
    assert "word (bugs: )" == pair.ask()


def test_a_service_that_hangs_is_told_to_end_it_once_it_runs_again(pair: Folder) -> None:
    """What is done to the process is undone first, so that it can answer."""
    pair.up()
    for kind, target in (("db_slow", "words"), ("pause", "back")):
        assert 0 == pair.workbench("fault", "add", kind, target, "--id", kind.replace("_", "-")).code
    assert any("pause on back" in fault for fault in pair.status()["faults"]), "one that hangs keeps nobody from asking"
    healed = pair.workbench("heal")
    assert 0 == healed.code, healed.err
    assert "db-slow on words" in healed.out
    assert ([], []) == (pair.status()["faults"], pair.status()["ledger"])
    assert "word (bugs: )" == pair.ask()


def test_a_kind_that_does_not_fit_and_a_service_that_takes_none_are_told_before_a_run(pair: Folder) -> None:
    pair.replace("system.yaml", ", disturb: /disturbances", "")
    told = pair.workbench("validate", "scenarios/words.yaml")
    assert 2 == told.code
    assert "back takes no disturbances; give the address as `disturb:` of the service" in told.err
