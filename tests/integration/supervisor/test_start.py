"""How a stack comes up, and what is said when it does not."""

from __future__ import annotations

import json
import socket
import stat
import sys
from pathlib import Path

from tests.integration.supervisor.marks import nothing_left, wait_until
from tests.integration.supervisor.rig import TOKEN, Rig


def test_a_stack_is_up_once_everything_answers_its_edges_are_made_and_the_collector_knows(rig: Rig) -> None:
    seen = rig.up()
    assert {"event": "starting", "what": "imports"} == seen[0]
    assert {"faultproxy", "collector", "shelf"} == {event["name"] for event in seen if event["event"] == "ready"}
    state = rig.folder / "stack.json"
    assert {"faultproxy", "collector", "shelf", "forkserver", "supervisor"} == set(
        json.loads(state.read_text())["processes"]
    )
    assert stat.S_IMODE(state.stat().st_mode) == 0o600, "it may hold the token"
    assert ['POST /populate [{"name": "a:b"}]'] == rig.requests("faultproxy")
    *_, told = rig.requests("collector")  # at once, and again when all are up
    assert {"supervisor", "shelf"} < set(json.loads(told.removeprefix("PUT /targets "))["processes"])


def test_shutting_down_ends_everything_and_removes_the_state_file(rig: Rig) -> None:
    rig.up()
    assert (200, {}) == rig.send("POST", "/shutdown", {"quick": False})
    nothing_left(rig.mark)
    assert not (rig.folder / "stack.json").exists()


def test_a_service_that_ignores_sigterm_is_killed(rig: Rig) -> None:
    rig.change("shelf", TINY_STUBBORN="1")
    rig.up()
    rig.send("POST", "/shutdown", {"quick": True})
    nothing_left(rig.mark)


def test_a_service_that_dies_at_start_is_named_with_its_status_and_its_last_words(rig: Rig) -> None:
    rig.change("shelf", TINY_DIES="1")
    message = rig.failure()
    assert "shelf ended while starting: exit status 3" in message
    assert "    cannot find my database" in message
    assert not (rig.folder / "stack.json").exists()


def test_a_command_that_dies_at_start_is_named_the_same_way(rig: Rig) -> None:
    rig.change("shelf", argv=[sys.executable, "-c", "import sys; sys.exit('no such table: goods')"])
    message = rig.failure()
    assert "shelf ended while starting: exit status 1" in message
    assert "    no such table: goods" in message


def test_a_service_that_is_not_ready_by_the_deadline_is_named_with_its_last_words(rig: Rig) -> None:
    rig.change("shelf", TINY_HANGS="1")
    rig.ready_within_s = 12
    message = rig.failure()
    assert message.startswith("not ready after 12 s: ")
    assert "  last log lines of shelf:\n    tiny starts" in message
    assert rig.processes["shelf"].ready_url in message, "what was asked"


def test_a_command_that_cannot_be_run_is_named(rig: Rig) -> None:
    rig.change("shelf", argv=["/no/such/program"])
    assert "shelf: cannot run /no/such/program: No such file or directory" == rig.failure()


def test_a_module_that_cannot_be_imported_is_named_with_the_reason(rig: Rig) -> None:
    (rig.folder / "broken_module.py").write_text("import no_such_package\n")
    rig.preload.append("broken_module")
    rig.path.append(str(rig.folder))
    message = rig.failure()
    assert message.startswith("the modules to preload cannot be imported:")
    assert "No module named 'no_such_package'" in message


def test_an_import_that_never_ends_meets_the_same_deadline(rig: Rig) -> None:
    _import_that_hangs(rig)
    rig.ready_within_s = 12
    message = rig.failure()
    assert message.startswith("the modules to preload were not imported within 12 s")
    assert "waiting for a lock" in message, "what the module has said"


def test_who_asked_for_the_stack_may_go_while_modules_are_imported(rig: Rig) -> None:
    _import_that_hangs(rig)
    rig.launch()
    wait_until("the import has begun", lambda: "waiting for a lock" in _said(rig.folder / "logs/forkserver.log"))
    rig.let_go()
    nothing_left(rig.mark)


def test_a_control_port_that_is_taken_meanwhile_is_named(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        rig.control = holder.getsockname()[1]
        message = rig.failure()
    assert f"the supervisor cannot listen on 127.0.0.1:{rig.control}: Address already in use" == message


def test_a_fault_plane_that_refuses_its_edges_is_named_without_a_traceback(rig: Rig) -> None:
    rig.change("faultproxy", TINY_FAILS_AT="/populate")
    message = rig.failure()
    assert "faultproxy" in message
    assert "/populate" in message
    assert "500" in message
    assert "Traceback" not in message


def test_the_token_is_in_no_log_and_in_no_process_list(rig: Rig) -> None:
    rig.up()
    assert stat.S_IMODE((rig.folder / "supervisor.json").stat().st_mode) == 0o600
    for log in (rig.folder / "logs").iterdir():
        assert TOKEN not in log.read_text()
        assert stat.S_IMODE(log.stat().st_mode) == 0o600, log


def _import_that_hangs(rig: Rig) -> None:
    said = "import sys, time\nprint('waiting for a lock', file=sys.stderr, flush=True)\ntime.sleep(600)\n"
    (rig.folder / "module_that_hangs.py").write_text(said)
    rig.preload.append("module_that_hangs")
    rig.path.append(str(rig.folder))


def _said(log: Path) -> str:
    return log.read_text() if log.exists() else ""
