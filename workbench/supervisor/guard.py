"""The last resort: a tiny process that kills whatever is left when the supervisor is gone.

A stopped child cannot notice by itself that its supervisor died; this process can. It is told process ids
through a pipe whose other end only the supervisor holds; end of file means the supervisor is dead. A child that was
started just then, and not told of any more, is found by the lifeline that it was given.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_LOOKS_FOR_S = 5.0
_PAUSE_S = 0.05


class Guard:
    """The supervisor's end."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        supervisor = os.getpid()
        self.pid = os.fork()  # before the supervisor has threads
        if self.pid == 0:
            os.close(self._writing)
            _watch(reading, supervisor)
        os.close(reading)
        os.set_inheritable(self._writing, False)

    def add(self, pid: int) -> None:
        """Kill this process group should the supervisor die."""
        self._tell(f"+{pid}\n")

    def lifeline(self, descriptor: int) -> None:
        """Kill whoever else has this pipe open should the supervisor die."""
        self._tell(f"={os.fstat(descriptor).st_ino}\n")

    def forget(self, pid: int) -> None:
        """The process is gone; its number may be used again by somebody else."""
        self._tell(f"-{pid}\n")

    def at_end(self, command: list[str]) -> None:
        """Run this should the supervisor die, once what is left is killed: containers are no processes of ours."""
        self._tell(f"!{json.dumps(command)}\n")

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            os.write(self._writing, line.encode())

    def close(self) -> None:
        """End the guard: it finds nothing left to kill."""
        os.close(self._writing)
        os.waitpid(self.pid, 0)


def _watch(reading: int, supervisor: int) -> None:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: set[int] = set()
    pipe = ""
    command: list[str] = []
    with os.fdopen(reading, "r", encoding="ascii") as lines:
        for line in lines:
            match line[0]:
                case "+":
                    pids.add(int(line[1:]))
                case "-":
                    pids.discard(int(line[1:]))
                case "=":
                    pipe = f"pipe:[{int(line[1:])}]"
                case _:
                    command = json.loads(line[1:])
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    _kill_holders(pipe, {os.getpid(), supervisor})
    if command:
        with suppress(OSError):
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    sys.stdout.close()
    os._exit(0)


def _kill_holders(pipe: str, spared: set[int]) -> None:
    """Kill all who have a pipe open, and those whom they were just about to start."""
    until = time.monotonic() + _LOOKS_FOR_S
    while time.monotonic() < until:
        holders = [pid for pid in _processes() if pid not in spared and _has_open(pid, pipe)]
        if not holders:
            return
        for pid in holders:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_S)


def _processes() -> list[int]:
    """Return the numbers of all processes; none where the system does not show them."""
    with suppress(OSError):
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return []


def _has_open(pid: int, pipe: str) -> bool:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(descriptor.readlink()) == pipe:
                    return True
    return False
