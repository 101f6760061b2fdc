"""Nothing left behind: whatever ends a run while its fault is on, faults and processes are gone, and what there is
has been saved. The runs are short: nothing they could decide is asked for.
"""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Any

import psutil
import pytest

from tests.e2e.command import GONE_WITHIN_S, Ended, Folder, Started, addresses, listens, note
from workbench.engine.rundir import RunDirectory
from workbench.model.events import InterruptedBy
from workbench.model.outcome import MEANINGS, Exit
from workbench.model.verdict import Outcome

SHORT = (
    *("--allow-inconclusive", "--rate", "8/s"),
    *("--set", "phases.warmup.duration=1s", "--set", "phases.baseline.duration=4s"),
    *("--set", "phases.fault.duration=10s", "--set", "phases.recovery.duration=16s"),
    *("--set", "steady_state=[]"),  # so few journeys may be bad on a loaded machine, and then there is no fault
)
END_WITHIN_S = 120.0
"""Longer than the 6 s that are promised: a loaded machine must not fail the test. The measured time is printed."""


def in_the_fault(folder: Folder) -> tuple[Started, dict[str, Any]]:
    """Start a run and wait until its fault is on."""
    started = folder.start("run", "latency-spike", *SHORT, "--port-base", str(folder.port_base))
    folder.until(started, "fault_on")
    stack = folder.stack()
    seen = {process.pid for process in folder.processes()}
    missed = {name for name, process in stack["processes"].items() if process["pid"] not in seen}
    assert set() == missed, "a leftover of these would not be found"
    assert all(listens(address) for address in addresses(stack)), "a port that is left would not be found"
    return started, stack


def assert_saved(folder: Folder, ended: Ended, code: Exit) -> RunDirectory:
    """The verdict is written, INCONCLUSIVE, with this exit code; and so are the reports."""
    assert code == ended.code, ended.said()
    run = RunDirectory.existing(folder.path / "reports" / "latest")
    verdict = run.read_verdict()
    assert (Outcome.INCONCLUSIVE, code) == (verdict.outcome, verdict.exit_code)
    for name in ("report.html", "report.md", "junit.xml"):
        assert (run.folder / name).stat().st_size > 500, name
    return run


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, Exit.SIGINT), (signal.SIGTERM, Exit.SIGTERM), (signal.SIGHUP, Exit.SIGTERM)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_in_the_fault_undoes_saves_and_leaves_nothing(
    number: signal.Signals, code: Exit, folder: Folder
) -> None:
    started, stack = in_the_fault(folder)
    sent = time.monotonic()
    started.process.send_signal(number)
    ended = started.ended(END_WITHIN_S)
    note(f"{number.name}: ended after {time.monotonic() - sent:.1f} s (6 s are promised)")
    run = assert_saved(folder, ended, code)
    history = run.history()
    assert [number.name] == [event.signal for event in history.events(InterruptedBy)]
    (window,) = history.fault_windows()
    assert window.off_ns is not None, "the undo was not verified"
    assert f"exit {code:d}: {MEANINGS[code]}" == ended.stdout.rstrip().splitlines()[-1]
    folder.assert_nothing_left(stack)


def test_a_second_signal_does_not_break_the_cleaning_up(folder: Folder) -> None:
    """Impatient people press Ctrl-C again."""
    started, stack = in_the_fault(folder)
    for _ in range(3):
        started.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert_saved(folder, started.ended(END_WITHIN_S), Exit.SIGINT)
    folder.assert_nothing_left(stack)


@pytest.mark.parametrize("group", [False, True], ids=["the-command", "its-process-group"])
def test_sigkill_in_the_fault_leaves_no_process_and_the_next_command_is_clean(group: bool, folder: Folder) -> None:
    started, stack = in_the_fault(folder)
    if group:
        os.killpg(started.process.pid, signal.SIGKILL)
    else:
        started.process.kill()
    assert -signal.SIGKILL == started.process.wait(GONE_WITHIN_S)
    took = folder.wait_until_gone()
    note(f"SIGKILL: all processes gone after {took:.1f} s")
    healed = folder.run("heal")
    assert Exit.PASS == healed.code, healed.said()
    folder.assert_nothing_left(stack)
    if group:  # once is enough: the next run begins as if nothing had been
        again = folder.start("run", "latency-spike", *SHORT, "--port-base", str(folder.port_base))
        folder.until(again, "phase_started", phase="baseline")
        next_stack = folder.stack()
        again.process.send_signal(signal.SIGTERM)
        assert_saved(folder, again.ended(END_WITHIN_S), Exit.SIGTERM)
        folder.assert_nothing_left(next_stack)


def test_a_service_that_dies_is_named_and_the_run_does_not_pass(folder: Folder) -> None:
    started, stack = in_the_fault(folder)
    psutil.Process(stack["processes"]["payments"]["pid"]).kill()
    ended = started.ended(120.0)
    run = assert_saved(folder, ended, Exit.INCONCLUSIVE)
    verdict = run.read_verdict()
    (alive,) = [result for result in verdict.checks if result.check == "V5"]
    assert Outcome.INCONCLUSIVE is alive.outcome
    assert re.search(r"service payments died .* into the run", alive.reason)
    assert any("payments" in reason for reason in verdict.reasons), verdict.reasons
    assert "payments" in ended.stderr
    folder.assert_nothing_left(stack)
