"""The load child from the runner's side: start it, begin, look at it, stop it. Never imports Locust itself.

Synchronous; one thread reads what the child says. Every wait has a deadline, and its error shows what the
child wrote last.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from workbench.errors import EnvironmentFailure, HarnessError, InvalidInput, Problem, WorkbenchError
from workbench.model.loadjob import (
    MESSAGE,
    Broken,
    Done,
    LoadJob,
    LoadMessage,
    Probed,
    Progress,
    Ready,
    StartSignal,
    Warm,
)

CUT_S = 2.0
"""Of the time to stop, so much is kept for a child that has to cut its journeys (half of it, if it is short)."""

_EXIT_S = 2.0
"""From its last message to its end."""

_TAIL_LINES = 20

M = TypeVar("M", bound=LoadMessage)


class LocustLoad:
    """One load child. What it and user code print goes to a log beside the job file."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._log_file = Path()
        self._news = threading.Condition()
        self._said: dict[type, LoadMessage] = {}
        self._silent = False

    # -- starting -------------------------------------------------------------------------------------

    def start(self, job: LoadJob, job_file: Path) -> int:
        """Write the job, start the process, return its pid. It loads the locustfiles, probes, and makes users.

        Raises EnvironmentFailure if it cannot be started.
        """
        self._log_file = job_file.with_suffix(".log")
        try:
            job_file.write_text(job.model_dump_json(), encoding="utf-8")
            with self._log_file.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "workbench.loadgen", str(job_file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise EnvironmentFailure(f"the load child cannot be started: {error}") from error
        assert process.stdout is not None
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        return process.pid

    def wait_warm(self, deadline_s: float) -> None:
        """Wait for the journeys before the probe. Raises InvalidInput if the locustfile is broken."""
        self._wait(Warm, deadline_s, "warming up")

    def wait_probed(self, deadline_s: float) -> Probed:
        """Wait for the end of the probe. Raises InvalidInput if the locustfile is broken."""
        return self._wait(Probed, deadline_s, "running its probe")

    def wait_ready(self, deadline_s: float) -> None:
        """Wait until users are made. Raises InvalidInput if the locustfile is broken."""
        self._wait(Ready, deadline_s, "making its users")

    def begin(self, start_ns: int) -> None:
        """Give run zero as absolute monotonic time. Raises HarnessError if the child has gone."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(StartSignal(start_ns=start_ns).model_dump_json().encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise self._gone("waiting for the start") from error

    # -- looking --------------------------------------------------------------------------------------

    def progress(self) -> Progress | None:
        """Return the latest progress, None before the first. Raises HarnessError if the child ended unasked."""
        self._raise_if_gone()
        return self._heard(Progress)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Return the exit status, negative for a signal; None as long as it runs."""
        return None if self._process is None else self._process.poll()

    def _raise_if_gone(self) -> None:
        broken = self._heard(Broken)
        if broken is not None:
            raise _translated(broken)
        if self._silent and self._heard(Done) is None:
            raise self._gone("sending load")

    # -- ending ---------------------------------------------------------------------------------------

    def wait_done(self, deadline_s: float) -> Done:
        """Wait for a child whose schedule comes to its end by itself."""
        done = self._wait(Done, deadline_s, "finishing")
        self._let_exit()
        return done

    def stop(self, deadline_s: float) -> Done | None:
        """Stop arrivals, let journeys end, cut them where time runs out, kill the child as the last resort.

        Returns None if it had to be killed, or had ended before; rows up to its last second are there all the same.
        """
        if self._process is None:
            return None
        cut_s = min(CUT_S, deadline_s / 2)
        self._signal(signal.SIGTERM)
        if not self._hear(self._ended, deadline_s - cut_s):
            self._signal(signal.SIGTERM)
            self._hear(self._ended, cut_s)
        if self._heard(Done) is not None:
            self._let_exit()
        self.kill()
        return self._heard(Done)

    def kill(self) -> None:
        """End the child and everything it has started, at once. Safe to call at any time, more than once."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _let_exit(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running().wait(timeout=_EXIT_S)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._running().send_signal(number)

    # -- listening ------------------------------------------------------------------------------------

    def _read(self, lines: BinaryIO) -> None:
        """Run in the reader's thread."""
        for line in lines:
            with contextlib.suppress(ValidationError):  # not ours: something printed past Python's stdout
                message = MESSAGE.validate_json(line)
                with self._news:
                    self._said[type(message)] = message
                    self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()

    def _heard(self, kind: type[M]) -> M | None:
        with self._news:
            message = self._said.get(kind)
        return message if isinstance(message, kind) else None

    def _ended(self) -> bool:
        return self._silent or Done in self._said

    def _hear(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        with self._news:
            return self._news.wait_for(condition, timeout=max(0.0, deadline_s))

    def _wait(self, kind: type[M], deadline_s: float, what: str) -> M:
        """Wait for the first message of a kind."""
        self._running()
        in_time = self._hear(lambda: kind in self._said or Broken in self._said or self._silent, deadline_s)
        message, broken = self._heard(kind), self._heard(Broken)
        if message is not None:
            return message
        if broken is not None:
            raise _translated(broken)
        if in_time:
            raise self._gone(what)
        raise HarnessError(f"the load child is still {what} after {deadline_s:g} s{self._tail()}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise HarnessError("the load child was not started")
        return self._process

    def _gone(self, what: str) -> HarnessError:
        process = self._running()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_EXIT_S)
        status = process.returncode
        return HarnessError(f"the load child ended with status {status} while {what}{self._tail()}")

    def _tail(self) -> str:
        """Return the last lines of the child's log, for an error message."""
        try:
            lines = self._log_file.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        last = "".join(f"\n  {line}" for line in lines[-_TAIL_LINES:])
        return f"; it wrote last:{last}" if last else ""


def _translated(broken: Broken) -> WorkbenchError:
    """Return the error that a broken job is to the user."""
    if not broken.invalid_input:
        return HarnessError(f"the load child cannot go on: {broken.message}")
    return InvalidInput([Problem(broken.file or "locustfile", broken.line or 0, "", broken.message)])
