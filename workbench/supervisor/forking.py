"""The supervisor's end of the fork server: services that are importable functions are started by it, in no time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.supervisor.lifeline import LIFELINE
from workbench.supervisor.log_files import private
from workbench.supervisor.spec import ProcessSpec, StartFailure

_ENDS_WITHIN_S = 2.0


class ForkServer:
    """One process that has imported what services need. It is running once this is made."""

    def __init__(self, preload: list[str], path: list[str], log: Path, lifeline: int) -> None:
        environment = {**os.environ, LIFELINE: str(lifeline)}
        environment["PYTHONPATH"] = os.pathsep.join([*path, *filter(None, [os.environ.get("PYTHONPATH")])])
        with open(log, "ab", opener=private) as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workbench.supervisor.forkserver", ",".join(preload)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
                env=environment,
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        self.pid = self._process.pid

    def imported(self, within_s: float) -> bool:
        """Tell whether the modules are imported, waiting a little. Raises StartFailure if one cannot be."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], within_s)[0]:
            return False
        first = self._process.stdout.readline()
        event = json.loads(first) if first else {"event": "broken", "message": "their process ended"}
        if event["event"] == "broken":
            raise StartFailure(f"the modules to preload cannot be imported:\n{event['message'].strip()}")
        return True

    def start(self, spec: ProcessSpec) -> None:
        """Have one process forked; `events` tells when it exists. Raises OSError if the server has ended."""
        assert self._process.stdin is not None
        command = {
            "name": spec.name,
            "target": spec.target,
            "environment": spec.environment,
            "cwd": spec.cwd,
            "log": spec.log,
        }
        self._process.stdin.write(json.dumps(command) + "\n")

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what becomes of the processes, until the server ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)

    def wait(self) -> int:
        """Return its exit status, once it has ended."""
        return self._process.wait()

    def end(self) -> None:
        """End it, and wait until it is gone."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
