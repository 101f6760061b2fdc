"""Everything that a test starts carries a mark, so that what is left behind can be found, however it was started."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psutil

DEADLINE_S = 60.0
"""Generous: other things run on the machine. Nothing waits as long as it works."""

MARK = "WORKBENCH_TEST_MARK"
"""Variable that every process started by a test inherits."""


def wait_until(what: str, condition: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"waited {within_s:g} s until {what}"
        time.sleep(0.02)


def marked(mark: str) -> list[psutil.Process]:
    """Return every process that inherited a mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def nothing_left(mark: str) -> None:
    """Assert that all processes with a mark end; what does not is killed, so that no other test suffers."""
    try:
        wait_until(f"no process is left of {mark}", lambda: not marked(mark))
    except AssertionError as error:
        left = [f"{p.pid} {p.status()} {' '.join(p.cmdline())}" for p in marked(mark)]
        for process in marked(mark):
            process.kill()
        raise AssertionError(f"left behind: {left}") from error


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for has ended too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
