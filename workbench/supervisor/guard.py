"""The last resort: a tiny process that kills whatever is left when the supervisor is gone.

A stopped child cannot notice by itself that its supervisor died; this process can. It is told process ids
through a pipe whose other end only the supervisor holds; end of file means the supervisor is dead.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress


class Guard:
    """The supervisor's end."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.pid = os.fork()  # before the supervisor has threads
        if self.pid == 0:
            os.close(self._writing)
            _watch(reading)
        os.close(reading)
        os.set_inheritable(self._writing, False)

    def add(self, pid: int) -> None:
        """Kill this process group should the supervisor die."""
        self._tell(f"+{pid}\n")

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


def _watch(reading: int) -> None:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: set[int] = set()
    command: list[str] = []
    with os.fdopen(reading, "r", encoding="ascii") as lines:
        for line in lines:
            match line[0]:
                case "+":
                    pids.add(int(line[1:]))
                case "-":
                    pids.discard(int(line[1:]))
                case _:
                    command = json.loads(line[1:])
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    if command:
        with suppress(OSError):
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    sys.stdout.close()
    os._exit(0)
