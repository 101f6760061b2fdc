"""up, status, logs, down, stop, heal, doctor on a system that is not the shop."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat

import pytest

from tests.integration.native.rig import Folder, done
from tests.integration.supervisor.marks import nothing_left, wait_until
from tests.ports import free_block


def test_a_system_comes_up_stays_up_tells_what_it_is_and_goes_down(pair: Folder) -> None:
    up = pair.workbench("up", "--system", "system.yaml")
    assert 0 == up.code, up.err
    assert "pair is up after " in up.out
    assert "back is ready" in up.err
    for name in ("front", "back", "front:back"):
        assert name in up.out
    assert "word (bugs: )" == pair.ask()

    status = pair.workbench("status")
    assert (0, "") == (status.code, status.err)
    assert "pair is up, stack " in status.out
    for name in ("faultproxy", "collector", "front", "back"):
        assert name in status.out

    assert (0, "front starts\n", "") == _parts(pair, "logs", "front")
    everything = pair.workbench("logs").out
    assert "       front | front starts\n" in everything
    assert "        back | back starts\n" in everything

    assert (0, "pair is down\n", "") == _parts(pair, "down")
    nothing_left(pair.mark)
    assert (0, "nothing is up\n", "") == _parts(pair, "down")


def test_an_edge_leads_to_the_port_of_the_callee_that_it_names(pair: Folder) -> None:
    """The caller gets host:port, and the listener forwards to that port, not to the service's own."""
    own = 'back: {run: "pair_services:back", environment: {PORT: "{port}"'
    pair.replace("system.yaml", f"{own}}},", own + ', ASIDE_PORT: "{port:aside}"}, ports: {aside: 7},')
    pair.replace("system.yaml", "env: BACK_URL}", "env: BACK_URL, protocol: tcp, to: aside}")
    pair.up()
    assert "aside (bugs: )" == pair.ask()
    stack = json.loads((pair.state / "stack.json").read_text())
    aside = f"127.0.0.1:{stack['port_base'] + 7}"
    assert {"back": {"aside": aside}} == stack["ports"]
    assert aside == stack["edges"]["front:back"]["upstream"]


def test_a_second_up_finds_the_first(pair: Folder) -> None:
    first = pair.up()["stack"]
    again = pair.workbench("up", "--system", "system.yaml")
    assert (0, "") == (again.code, again.err)
    assert again.out.startswith("pair is up already\n")
    assert first == pair.status()["stack"]


def test_a_second_up_of_another_system_or_with_other_bugs_is_refused(pair: Folder) -> None:
    pair.up("--bug", "rude")
    assert "word (bugs: rude)" == pair.ask()
    for asked in (["--system", "shop"], ["--system", "system.yaml"]):
        pair.workbench("up", *asked).refused(2, "another stack runs here: pair, bugs: rude", "workbench down")
    assert ["rude"] == pair.status()["bugs"]


def test_a_run_on_another_system_than_the_one_that_is_up_is_refused_and_leaves_no_run(pair: Folder) -> None:
    pair.up()
    pair.workbench("run", "no-fault").refused(
        2, "a stack of system pair is running here, and the scenario wants shop", "workbench down"
    )
    pair.workbench("run", "asked", "--bug", "rude").refused(2, "the running stack has: none")
    assert [] == pair.runs()
    assert pair.status()["stack"] is not None


def test_what_is_told_about_a_stack_holds_no_token_and_its_files_are_private(pair: Folder) -> None:
    told = pair.up()
    token = json.loads((pair.state / "stack.json").read_text())["token"]
    assert token not in json.dumps(told)
    for file in ("stack.json", "supervisor.json"):
        assert 0o600 == stat.S_IMODE((pair.state / file).stat().st_mode)
    assert 0o700 == stat.S_IMODE(pair.state.stat().st_mode)


def test_a_state_file_whose_supervisor_was_killed_does_not_count(pair: Folder) -> None:
    pair.up()
    os.kill(pair.pid("supervisor"), signal.SIGKILL)
    nothing_left(pair.mark)
    assert (pair.state / "stack.json").exists()
    assert (0, "nothing is up (workbench up starts the shop)\n", "") == _parts(pair, "status")
    heal = pair.workbench("heal")
    assert (0, "") == (heal.code, heal.err)
    assert "no stack runs here, so no fault can be on" in heal.out
    pair.up()
    assert "word (bugs: )" == pair.ask()


def test_a_state_file_that_cannot_be_read_is_named(pair: Folder) -> None:
    pair.state.mkdir()
    (pair.state / "stack.json").write_text('{"version": 1, "sta')
    pair.workbench("status").refused(4, str(pair.state / "stack.json"), "if nothing runs, delete the file")


def test_another_block_of_ports_is_taken_where_the_first_is_busy(pair: Folder) -> None:
    first = pair.up()["stack"]["port_base"]
    other = Folder(pair.path.parent / "other")
    try:
        assert first != other.up()["stack"]["port_base"]
        assert "word (bugs: )" == other.ask()
    finally:
        other.end()


def test_a_busy_port_that_was_asked_for_is_named_with_its_holder(pair: Folder) -> None:
    base = free_block()
    with socket.create_server(("127.0.0.1", base + 1)):
        refused = pair.workbench("up", "--system", "system.yaml", "--port-base", str(base))
    refused.refused(4, f"{base + 1} (back) is held by", f"(pid {os.getpid()}", "--port-base")
    assert base == pair.up("--port-base", str(base))["stack"]["port_base"]


def test_a_service_that_dies_at_start_is_named_with_its_last_words_and_nothing_stays(pair: Folder) -> None:
    (pair.path / "back_cannot_start").touch()
    up = pair.workbench("up", "--system", "system.yaml")
    up.refused(4, "back ended while starting: exit status 1", "    back has no words to give", "all logs are in")
    nothing_left(pair.mark)
    assert (0, "back starts\nback has no words to give\n", "") == _parts(pair, "logs", "back")


def test_a_service_that_dies_later_shows_in_status_and_doctor(pair: Folder) -> None:
    pair.up()
    os.kill(pair.pid("back"), signal.SIGKILL)
    wait_until("status tells", lambda: "killed by SIGKILL" in pair.workbench("status").out)
    doctor = pair.workbench("doctor")
    assert 4 == doctor.code
    assert "pair is up, but back ended" in doctor.out
    assert "workbench down" in doctor.out


def test_logs_of_an_unknown_service_name_the_ones_there_are(pair: Folder) -> None:
    assert (0, "there are no logs (nothing was started from this folder)\n", "") == _parts(pair, "logs")
    pair.up()
    pair.workbench("logs", "frint").refused(2, "there is no log of 'frint'", "did you mean 'front'")


def test_following_a_log_prints_what_is_added_and_ends_with_130_at_ctrl_c(pair: Folder) -> None:
    pair.up()
    following = pair.start("logs", "front", "--follow", PYTHONUNBUFFERED="1")
    assert following.stdout is not None
    assert "front starts\n" == following.stdout.readline()
    with (pair.state / "logs" / "front.log").open("a") as log:
        log.write("one more line\n")
    assert "one more line\n" == following.stdout.readline()
    following.send_signal(signal.SIGINT)
    ended = done(following)
    assert 130 == ended.code
    assert ended.err.splitlines()[-1].startswith("exit 130: ")


def test_up_that_is_interrupted_leaves_nothing(pair: Folder) -> None:
    pair.replace("system.yaml", "ready: /ready", "ready: /ask")
    pair.replace("pair_services.py", '    print("back starts", flush=True)\n', "    import time; time.sleep(600)\n")
    starting = pair.start("up", "--system", "system.yaml")
    assert starting.stderr is not None
    while "is ready" not in starting.stderr.readline():
        assert starting.poll() is None
    starting.send_signal(signal.SIGINT)
    ended = done(starting)
    assert 130 == ended.code, ended.err
    nothing_left(pair.mark)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_up_that_is_killed_leaves_nothing(pair: Folder, number: signal.Signals) -> None:
    pair.replace("pair_services.py", '    print("back starts", flush=True)\n', "    import time; time.sleep(600)\n")
    starting = pair.start("up", "--system", "system.yaml")
    assert starting.stderr is not None
    while "is ready" not in starting.stderr.readline():
        assert starting.poll() is None
    starting.send_signal(number)
    done(starting)
    nothing_left(pair.mark)


def test_asking_without_a_stack_changes_nothing_in_the_folder(pair: Folder) -> None:
    before = sorted(pair.path.rglob("*"))
    for command in ("status", "logs", "heal", "stop", "list"):
        assert 0 == pair.workbench(command).code
    assert before == sorted(pair.path.rglob("*"))


def _parts(pair: Folder, *argv: str) -> tuple[int, str, str]:
    ended = pair.workbench(*argv)
    return ended.code, ended.out, ended.err
