"""The load child from the runner's side: start it, begin, look at it, stop it. Never imports Locust itself.

Synchronous; one thread reads what the child says. Every wait has a deadline, and its error shows what the
child wrote last.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from workbench.errors import EnvironmentFailure, HarnessError, InvalidInput, Problem, WorkbenchError
from workbench.model.arrivals import Schedule
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
)

CUT_S = 2.0
"""Of the time to stop, so much is left for a child that has to cut its journeys."""

_EXIT_S = 2.0
"""From its last message to its end."""

_TAIL_LINES = 20
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<message>.*)", re.DOTALL)

M = TypeVar("M", bound=LoadMessage)


def write_schedule(schedule: Schedule, path: Path) -> None:
    """Write the schedule file of a job: intended start in ns since run zero, number of the journey."""
    with path.open("w", encoding="ascii") as lines:
        lines.writelines(
            f"{start},{journey}\n" for start, journey in zip(schedule.intended, schedule.journey, strict=True)
        )


class LocustLoad:
    """One load child. `start` writes `job_file`; `log_file` receives what the child and user code print."""

    def __init__(self, job_file: Path, log_file: Path) -> None:
        self._job_file = job_file
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._news = threading.Condition()
        self._said: dict[type, LoadMessage] = {}
        self._silent = False

    # -- starting -------------------------------------------------------------------------------------

    def start(self, job: LoadJob) -> None:
        """Start the child: it loads the locustfiles, runs the probe, and makes users.

        Raises EnvironmentFailure if it cannot be started.
        """
        try:
            self._job_file.write_text(job.model_dump_json())
            with self._log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "workbench.loadgen", str(self._job_file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise EnvironmentFailure(f"the load child cannot be started: {error}") from error
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def wait_probed(self, within_s: float) -> Probed:
        """Wait for the end of the probe (jobs with `probe_journeys`)."""
        return self._wait(Probed, within_s, "running its probe")

    def wait_ready(self, within_s: float) -> None:
        """Wait until users are made. Raises InvalidInput if the locustfile is broken."""
        self._wait(Ready, within_s, "making its users")

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

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Return the exit status, negative for a signal; None as long as it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def latest(self) -> Progress | None:
        """Return the newest progress, None before the first."""
        return self._heard(Progress)

    @property
    def done(self) -> Done | None:
        """Return the last message of a child that has finished, None before."""
        return self._heard(Done)

    def check(self) -> None:
        """Raise if the child has ended without being done, or said that it cannot go on."""
        with self._news:
            broken, silent = self._heard(Broken), self._silent
        if broken is not None:
            raise _translated(broken)
        if silent and self.done is None:
            raise self._gone("sending load")

    # -- ending ---------------------------------------------------------------------------------------

    def wait_done(self, within_s: float) -> Done:
        """Wait for a child whose schedule comes to its end by itself."""
        done = self._wait(Done, within_s, "finishing")
        self._let_exit()
        return done

    def stop(self, within_s: float) -> Done | None:
        """Stop arrivals, let journeys finish, cut them where time runs out, kill the child as the last resort.

        Returns None if the child had not come to the point where it has something to say.
        Raises HarnessError if it had to be killed; rows up to its last second are there all the same.
        """
        process = self._running()
        self._signal(signal.SIGTERM)
        if not self._hear(self._ended, within_s - CUT_S):
            self._signal(signal.SIGTERM)
            if not self._hear(self._ended, min(CUT_S, within_s)):
                self.kill()
                raise HarnessError(
                    f"the load child did not stop within {within_s:g} s and was killed{self._tail()}"
                )
        self._let_exit()
        if self.done is None and process.returncode != -signal.SIGTERM:
            self.check()
        return self.done

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
        process = self._running()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_EXIT_S)
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

    def _hear(self, condition: Callable[[], bool], within_s: float) -> bool:
        with self._news:
            return self._news.wait_for(condition, timeout=max(0.0, within_s))

    def _wait(self, kind: type[M], within_s: float, what: str) -> M:
        """Wait for the first message of a kind."""
        self._running()
        in_time = self._hear(lambda: kind in self._said or Broken in self._said or self._silent, within_s)
        message, broken = self._heard(kind), self._heard(Broken)
        if message is not None:
            return message
        if broken is not None:
            raise _translated(broken)
        if in_time:
            raise self._gone(what)
        raise HarnessError(f"the load child is still {what} after {within_s:g} s{self._tail()}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise HarnessError("the load child was not started")
        return self._process

    def _gone(self, what: str) -> HarnessError:
        process = self._running()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_EXIT_S)
        return HarnessError(
            f"the load child ended with status {process.returncode} while {what}{self._tail()}"
        )

    def _tail(self) -> str:
        """Return the last lines of the child's log, for an error message."""
        try:
            lines = self._log_file.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return (
            "".join(["; it wrote last:", *(f"\n  {line}" for line in lines[-_TAIL_LINES:])]) if lines else ""
        )


def _translated(broken: Broken) -> WorkbenchError:
    """Return the error that a broken job is to the user."""
    if not broken.invalid_input:
        return HarnessError(f"the load child cannot go on: {broken.message}")
    place = _PLACE.fullmatch(broken.message)
    if place is None:
        return InvalidInput([Problem("locustfile", 0, "", broken.message)])
    return InvalidInput([Problem(place["file"], int(place["line"]), "", place["message"])])
