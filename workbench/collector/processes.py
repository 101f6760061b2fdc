"""CPU, memory and starvation of every known process, each second. One that is gone is left out, not counted as zero."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

OWN_NAME = "collector"

Row = tuple[int, str, int, float, int, float | None]
"""One row of `processes`."""


class ProcessWatch:
    """Processes by name; this one is always among them."""

    def __init__(self) -> None:
        self._watched: dict[str, psutil.Process] = {}
        self.replace({})

    def replace(self, pids: Mapping[str, int]) -> None:
        """Watch these and no others."""
        self._watched = {OWN_NAME: psutil.Process(os.getpid())}
        self.add(pids)

    def add(self, pids: Mapping[str, int]) -> None:
        """Watch these as well; a name that is known gets the new process. What is gone already is left out."""
        for name, pid in pids.items():
            try:
                self._watched[name] = psutil.Process(pid)
            except psutil.Error:
                self._watched.pop(name, None)

    def measure(self) -> list[Row]:
        """Return one row of `processes` for each that is there."""
        rows: list[Row] = []
        for name, process in list(self._watched.items()):
            try:
                if not process.is_running():  # the number may belong to another process by now
                    del self._watched[name]
                    continue
                with process.oneshot():
                    at_ns = time.monotonic_ns()
                    cpu, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                del self._watched[name]
            except (psutil.Error, OSError):
                continue
            else:
                waited_s = _waited_s(process.pid)
                rows.append((at_ns, name, process.pid, round(cpu.user + cpu.system, 3), memory.rss, waited_s))
        return rows


def _waited_s(pid: int) -> float | None:
    """Return how long the main thread was ready to run and had no core, so far; None where that is not counted.

    Second field of /proc/PID/schedstat, in ns (Linux, Documentation/scheduler/sched-stats.rst).
    """
    try:
        return round(int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9, 4)
    except (OSError, IndexError, ValueError):
        return None
