"""A stack whose edges the real Toxiproxy serves: started, told apart, healed, replaced, and never left with a fault."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.process import send
from tests.integration.faultproxy.toxiproxy_servers import real
from tests.integration.native.rig import Folder, done
from tests.integration.supervisor.marks import nothing_left, wait_until
from workbench.adapters.native.ports import Ports

PLANE = ("--fault-plane", "toxiproxy")


@pytest.fixture
def tox(pair: Folder) -> Folder:
    """The pair; skipped where there is no real server."""
    if not (os.environ.get("WORKBENCH_TOXIPROXY") or shutil.which("toxiproxy-server")):
        pytest.skip("no toxiproxy-server on PATH, and WORKBENCH_TOXIPROXY does not name one")
    return pair


def stack(folder: Folder) -> dict[str, Any]:
    return dict(json.loads((folder.state / "stack.json").read_text()))


def ask_server(folder: Folder, method: str, path: str, body: Any = None) -> Any:
    port = int(stack(folder)["plane_url"].rpartition(":")[2])
    answer = send(port, method, path, None if body is None else json.dumps(body), {})
    assert answer.status < 300, answer.body
    return json.loads(answer.body) if answer.body else None


def break_it(folder: Folder) -> None:
    """Do by the server's own API what a runner that died would leave behind."""
    path = "/proxies/front:back"
    ask_server(folder, "POST", f"{path}/toxics", {"name": "hole", "type": "timeout", "attributes": {"timeout": 0}})
    ask_server(folder, "PATCH", path, {"enabled": False})


def whole(folder: Folder) -> bool:
    proxy = ask_server(folder, "GET", "/proxies")["front:back"]
    return bool(proxy["enabled"]) and proxy["toxics"] == []


def able_to_run(folder: Folder) -> None:
    """Have `front` promise spans and metrics, so that a run with a fault may begin."""
    folder.replace("system.yaml", "ready: /ready}", "ready: /ready, traces: true, metrics: /metrics}")


def test_a_stack_says_which_plane_it_has_and_is_not_mistaken(tox: Folder) -> None:
    told = tox.up(*PLANE)
    assert "toxiproxy" == told["stack"]["fault_plane"]
    assert {"toxiproxy", "collector", "front", "back"} == set(told["processes"])
    assert not {"http", "per_request", "seeded", "reset"} & set(told["stack"]["abilities"])
    assert "network" in told["stack"]["abilities"]
    assert "word (bugs: )" == tox.ask()
    refused = ("served by fault plane toxiproxy, not builtin", "--fault-plane toxiproxy")
    tox.workbench("run", "asked").refused(2, *refused)
    tox.workbench("up", "--system", "system.yaml").refused(2, *refused)
    assert 0 == tox.workbench("up", "--system", "system.yaml", *PLANE).code
    tox.workbench("fault", "add", "refuse", "front:back").refused(2, "fault plane toxiproxy knows no end of a fault")
    assert [] == tox.runs()


def test_a_foreign_toxiproxy_on_the_port_is_named_and_left_alone(tox: Folder) -> None:
    with real() as port:  # a server of somebody else, where a stack that was asked to be there has its fault plane
        base = str(port - Ports(base=0, services={}, further={}, edges={}).plane)
        refused = tox.workbench("up", *PLANE, "--system", "system.yaml", "--port-base", base)
        assert 200 == send(port, "GET", "/version", None, {}).status
    refused.refused(4, f"{port} (the fault plane) is held by toxiproxy-server (pid ", "--port-base")
    nothing_left(tox.mark)


def test_a_stack_of_ours_is_not_taken_for_one_of_toxiproxy(tox: Folder) -> None:
    tox.up()
    tox.workbench("run", "asked", *PLANE).refused(2, "served by fault plane builtin, not toxiproxy", "workbench down")


def test_a_run_without_faults_starts_it_and_takes_it_down(tox: Folder) -> None:
    ran = tox.workbench("run", "asked", *PLANE)
    assert 0 == ran.code, ran.err
    nothing_left(tox.mark)
    (run,) = tox.runs()
    record = json.loads((run / "run.json").read_text())
    assert "toxiproxy" == record["fault_plane"]
    assert "2." == record["versions"]["toxiproxy"][:2]
    assert 0 == tox.workbench("judge", str(run)).code


def test_a_fault_that_nobody_would_see_is_refused_before_anything_starts(tox: Folder) -> None:
    for command in (["run", "back-refused"], ["plan", "back-refused"], ["validate", "scenarios/back-refused.yaml"]):
        tox.workbench(*command, *PLANE).refused(2, "front sends no spans that would show them", "--fault-plane builtin")
    assert [] == tox.runs()


def test_heal_finds_and_undoes_what_is_on(tox: Folder) -> None:
    tox.up(*PLANE)
    break_it(tox)
    on = ["hole on front:back, no end set", "disabled on front:back, no end set"]
    assert on == tox.status()["faults"]
    healed = tox.workbench("heal")
    assert 0 == healed.code, healed.err
    assert "undone: hole on front:back" in healed.out
    assert whole(tox)
    assert "word (bugs: )" == tox.ask()
    assert "no fault is on" in tox.workbench("heal").out


def test_a_server_that_dies_comes_back_with_its_proxies_and_without_toxics(tox: Folder) -> None:
    tox.up(*PLANE)
    break_it(tox)
    dead = tox.pid("toxiproxy")
    os.kill(dead, signal.SIGKILL)
    wait_until("another one serves", lambda: tox.status()["processes"]["toxiproxy"]["pid"] not in {None, dead})
    wait_until("its proxies are there", lambda: "front:back" in ask_server(tox, "GET", "/proxies"))
    assert whole(tox)
    assert "word (bugs: )" == tox.ask()


def test_a_server_that_hangs_is_replaced(tox: Folder) -> None:
    tox.up(*PLANE)
    break_it(tox)
    os.kill(tox.pid("toxiproxy"), signal.SIGSTOP)
    healed = tox.workbench("heal")
    assert 0 == healed.code, healed.err
    wait_until("its proxies are there", lambda: "front:back" in ask_server(tox, "GET", "/proxies"))
    assert whole(tox)
    assert "word (bugs: )" == tox.ask()


def test_what_a_killed_runner_leaves_behind_the_supervisor_undoes(tox: Folder) -> None:
    able_to_run(tox)
    tox.up(*PLANE)
    runner = tox.start("run", "back-refused", "--allow-inconclusive", *PLANE)
    tox.wait_for_event("fault_on")
    assert not whole(tox)
    runner.kill()
    done(runner)
    wait_until("the edge is open", lambda: whole(tox))
    assert "word (bugs: )" == tox.ask()
    assert [] == tox.status()["ledger"]


def test_a_runner_that_is_killed_takes_its_own_stack_with_it(tox: Folder) -> None:
    able_to_run(tox)
    runner = tox.start("run", "back-refused", "--allow-inconclusive", *PLANE)
    tox.wait_for_event("fault_on")
    runner.kill()
    done(runner)
    nothing_left(tox.mark)


def test_a_supervisor_that_is_killed_takes_the_server_with_it(tox: Folder) -> None:
    """The server knows nothing of our pipes: the guard ends it."""
    tox.up(*PLANE)
    break_it(tox)
    os.kill(tox.pid("supervisor"), signal.SIGKILL)
    nothing_left(tox.mark)


def test_a_run_that_is_stopped_undoes_its_fault(tox: Folder) -> None:
    able_to_run(tox)
    tox.up(*PLANE)
    runner = tox.start("run", "back-refused", "--allow-inconclusive", *PLANE)
    tox.wait_for_event("fault_on")
    assert 0 == tox.workbench("stop").code
    assert 143 == done(runner).code
    assert whole(tox)


def test_without_the_server_the_remedy_is_told(pair: Folder, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    for command in (("up", "--system", "system.yaml"), ("run", "asked")):
        failed = pair.workbench(*command, *PLANE, WORKBENCH_TOXIPROXY=missing)
        assert 4 == failed.code
        assert f"WORKBENCH_TOXIPROXY names {missing}, which cannot be run" in failed.err
        assert "--fault-plane builtin" in failed.err
    doctor = pair.workbench("doctor", WORKBENCH_TOXIPROXY=missing)
    assert "only --fault-plane toxiproxy needs it" in doctor.out


def test_the_doctor_says_where_it_is_and_which(tox: Folder) -> None:
    said = tox.workbench("doctor", COLUMNS="300").out
    assert "for --fault-plane toxiproxy" in said
    assert "toxiproxy-server" in said
