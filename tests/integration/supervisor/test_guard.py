"""The guard of a supervisor that dies between starting a child and telling of it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.integration.supervisor.marks import MARK, marked, nothing_left, wait_until

_SUPERVISOR = """
import os, signal, subprocess, sys
from workbench.supervisor.guard import Guard
guard = Guard()
holding, lifeline = os.pipe()
os.set_inheritable(holding, True)
os.set_inheritable(lifeline, False)
guard.lifeline(holding)
child = [sys.executable, "-c", "import time; time.sleep(600)"]
children = [subprocess.Popen(child, pass_fds=(holding,), start_new_session=True) for _ in range(2)]
os.kill(children[1].pid, signal.SIGSTOP)
{ends}
"""


def test_a_child_that_it_was_not_told_of_does_not_outlive_the_supervisor() -> None:
    mark = f"guard-{os.getpid()}"
    ends = "os.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", _SUPERVISOR.format(ends=ends)]
    subprocess.run(command, env=os.environ | {MARK: mark}, check=False, timeout=60)
    nothing_left(mark)


def test_a_supervisor_that_ends_its_guard_is_spared() -> None:
    """It holds the lifeline itself; its children it has ended by then."""
    mark = f"spared-{os.getpid()}"
    command = [sys.executable, "-c", _SUPERVISOR.format(ends="guard.close(); print('still here')")]
    ran = subprocess.run(command, env=os.environ | {MARK: mark}, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "still here\n"
    wait_until("the others have ended", lambda: not marked(mark))
