"""The live page of a real run: it shows what happened, and its button stops the run as `workbench stop` does."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import browser, program
from tests.e2e.command import Folder, Started, wait_for
from workbench.engine.rundir import RunDirectory
from workbench.model.events import InterruptedBy
from workbench.model.outcome import Exit

SHORT = (
    *("--allow-inconclusive", "--rate", "8/s"),
    *("--set", "phases.warmup.duration=1s", "--set", "phases.baseline.duration=4s"),
    *("--set", "phases.fault.duration=120s", "--set", "phases.recovery.duration=16s"),
    *("--set", "steady_state=[]"),  # so few journeys may be bad on a loaded machine, and then there is no fault
)
END_WITHIN_S = 120.0
"""Longer than the 6 s that are promised: a loaded machine must not fail the test."""


def in_the_fault(folder: Folder) -> tuple[Started, dict[str, Any], str]:
    """Start a run and wait until its fault is on; return the address of the live page as well."""
    started = folder.start("run", "latency-spike", *SHORT, "--port-base", str(folder.port_base))
    folder.until(started, "fault_on")
    opened = folder.run("open", "live")
    assert 0 == opened.code, opened.said()
    return started, folder.stack(), opened.stdout.splitlines()[0]


def assert_stopped(folder: Folder, started: Started, stack: dict[str, Any]) -> None:
    ended = started.ended(END_WITHIN_S)
    assert Exit.SIGTERM == ended.code, ended.said()
    run = RunDirectory.existing(folder.path / "reports" / "latest")
    assert Exit.SIGTERM == run.read_verdict().exit_code
    history = run.history()
    assert ["SIGTERM"] == [event.signal for event in history.events(InterruptedBy)]
    (window,) = history.fault_windows()
    assert window.off_ns is not None, "the undo was not verified"
    folder.assert_nothing_left(stack)


@contextmanager
def asked(address: str, key: str, path: str, body: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
    """Ask as a program does, with the token as a bearer."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, f"{parts.path}{path}", data, {"Authorization": f"Bearer {key}"})
        yield connection.getresponse()
    finally:
        connection.close()


def stop(address: str, key: str, run: str) -> tuple[int, dict[str, Any]]:
    with asked(address, key, "stop", {"run": run}) as answer:
        return answer.status, json.loads(answer.read())


def test_a_post_with_the_token_stops_the_run(folder: Folder) -> None:
    """Only the run that is named; and without the token nothing is stopped."""
    started, stack, opened = in_the_fault(folder)
    address, _, key = opened.partition("?token=")
    (directory,) = [path for path in (folder.path / "reports").iterdir() if not path.is_symlink()]
    assert 401 == stop(address, "wrong", directory.name)[0]
    assert 409 == stop(address, key, f"{directory.name}x")[0]
    started.alive_or_fail()
    status, said = stop(address, key, directory.name)
    assert (202, started.process.pid) == (status, said["pid"])
    assert_stopped(folder, started, stack)


@pytest.mark.skipif(program() is None, reason="Chromium is not on the path")
def test_the_button_stops_the_run_that_the_page_shows(folder: Folder) -> None:
    """A person sees the fault, changes their mind, and sees how it ends; the page waits for the next stack."""
    started, stack, address = in_the_fault(folder)
    with browser() as page:
        page.emulate()
        page.goto(address)
        page.wait_for("the fault is shown", lambda page: "fault on" in page.text("#badge"))
        assert "orders → payments" in page.text("#answer")
        assert page.evaluate("document.querySelectorAll('#map .link.faulted').length") == 1
        page.evaluate("document.getElementById('stop').click()")
        page.evaluate("document.getElementById('yes').click()")
        page.wait_for("the signal is told", lambda page: "SIGTERM: undoing" in page.text("#journal"))
        assert_stopped(folder, started, stack)
        page.wait_for("the end of the stack is told", lambda page: "Not connected" in page.text("#lost"))
        assert not [complaint for complaint in page.complaints if "ERR_CONNECTION" not in complaint]


def test_the_page_of_a_run_with_its_own_stack_ends_with_the_verdict(folder: Folder) -> None:
    """The stack is taken down only after the verdict is made and sent; nothing of it is left."""
    words = ("--allow-inconclusive", "--set", "phases.warmup.duration=1s", "--set", "phases.baseline.duration=15s")
    started = folder.start("run", "no-fault", *words, "--rate", "4/s", "--port-base", str(folder.port_base))
    folder.until(started, "phase_started", phase="baseline")
    stack = folder.stack()
    address, _, key = folder.run("open", "live").stdout.splitlines()[0].partition("?token=")
    parts: dict[str, Any] = {}
    with asked(address, key, "events") as stream:
        while "end" not in parts:
            name = stream.readline().decode().strip().removeprefix("event: ")
            assert name, "the stream ended without a word"
            parts[name] = json.loads(stream.readline().decode().removeprefix("data: ").strip() or "null")
            stream.readline()
    ended = started.ended(END_WITHIN_S)
    verdict = RunDirectory.existing(folder.path / "reports" / "latest").read_verdict()
    newest = parts["runs"][0]
    assert (verdict.run_id, verdict.outcome, ended.code) == (newest["id"], newest["outcome"], newest["exit_code"])
    assert newest["report"]
    assert ("over", []) == (parts["now"]["state"], parts["now"]["silent"])
    assert str(folder.path / "reports" / verdict.run_id / "report.html") == parts["run"]["report"]
    folder.assert_nothing_left(stack)


def test_a_collector_that_died_finds_the_run_again(folder: Folder) -> None:
    """The page goes on from the files of the run, whatever was in memory."""
    started, stack, opened = in_the_fault(folder)
    address, _, key = opened.partition("?token=")
    os.kill(stack["processes"]["collector"]["pid"], signal.SIGKILL)

    def found_again() -> dict[str, Any] | None:
        parts: dict[str, Any] = {}
        try:
            with asked(address, key, "events") as stream:
                while "now" not in parts and stream.status == 200:
                    name = stream.readline().decode().strip().removeprefix("event: ")
                    parts[name] = json.loads(stream.readline().decode().removeprefix("data: ") or "null")
                    stream.readline()
        except (OSError, ValueError, http.client.HTTPException):
            return None
        now: dict[str, Any] | None = parts.get("now")
        return now if now is not None and now["state"] == "running" else None

    now = wait_for("the run on the page", found_again, 60.0, started.said)
    assert now["journeys"] > 10
    assert "on" in now["faults"].values()
    started.process.send_signal(signal.SIGTERM)
    assert Exit.SIGTERM == started.ended(END_WITHIN_S).code
