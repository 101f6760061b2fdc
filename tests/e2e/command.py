"""The real command in a folder of its own, and a look at what it left behind.

Every process that a command starts inherits a mark in its environment, so a leftover is found whoever its parent is.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psutil
from filelock import FileLock, Timeout

from tests.ports import free_block
from workbench.model.verdict import Verdict

T = TypeVar("T")

MARK = "WORKBENCH_TEST_MARK"
GONE_WITHIN_S = 30.0


def note(text: str) -> None:
    """Say something that is worth knowing of a test that passes: `pytest -rP` shows it."""
    sys.stdout.write(f"{text}\n")


def wait_for(what: str, look: Callable[[], T | None], within_s: float, why_not: Callable[[], str] = str) -> T:
    """Return what `look` finds, once it finds something. Fails after the deadline, with what was waited for."""
    until = time.monotonic() + within_s
    while (found := look()) is None:
        if time.monotonic() > until:
            raise AssertionError(f"waited {within_s:g} s for {what}\n{why_not()}")
        time.sleep(0.05)
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    took_s: float

    @property
    def last_line(self) -> str:
        """The last line on stderr."""
        return self.stderr.rstrip().splitlines()[-1] if self.stderr.strip() else ""

    def said(self) -> str:
        """Return the last lines on stderr, for a message."""
        return "\n".join(self.stderr.splitlines()[-40:])

    def verdict(self) -> Verdict:
        """Return stdout of `--json`. Fails if anything but JSON is there."""
        return Verdict.model_validate_json(self.stdout)


@dataclass(slots=True)
class Started:
    """A command that is going on."""

    process: subprocess.Popen[str]
    out: Path
    err: Path
    earlier: frozenset[Path]
    """Journals of earlier runs."""
    began: float = field(default_factory=time.monotonic)

    def ended(self, within_s: float) -> Ended:
        """Wait for its end."""
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end within {within_s:g} s\n{self.said()}") from None
        out, err = (path.read_text(encoding="utf-8", errors="replace") for path in (self.out, self.err))
        return Ended(code, out, err, time.monotonic() - self.began)

    def said(self) -> str:
        """Return the last lines of progress, for a message."""
        return "\n".join(self.err.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])

    def alive_or_fail(self) -> None:
        """Fail if it has ended: then waiting for what it does is in vain."""
        if self.process.poll() is not None:
            raise AssertionError(f"ended early with {self.process.returncode}\n{self.said()}")


class Folder:
    """A user's folder in which commands are run."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.mark = uuid4().hex
        self.port_base = free_block()
        self._environment = {**os.environ, MARK: self.mark, "COLUMNS": "200", **(environment or {})}
        self._commands = 0

    def start(self, *words: str) -> Started:
        """Start a command, in a process group of its own."""
        self._commands += 1
        out, err = (self.path / f"{self._commands}.{name}" for name in ("stdout", "stderr"))
        earlier = frozenset(self._journals())
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "workbench", *words],
                cwd=self.path,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        return Started(process, out, err, earlier)

    def run(self, *words: str, within_s: float = 60.0) -> Ended:
        """Run a command to its end."""
        return self.start(*words).ended(within_s)

    # -- while a run goes on --------------------------------------------------------------------------

    def until(self, started: Started, event: str, within_s: float = 120.0, **values: object) -> dict[str, Any]:
        """Wait until an event with these values is in the journal of the run."""

        def look() -> dict[str, Any] | None:
            started.alive_or_fail()
            return next((e for e in self._events(started) if e["event"] == event and values.items() <= e.items()), None)

        return wait_for(f"{event} {values} in the journal", look, within_s, started.said)

    def _journals(self) -> list[Path]:
        return [path for path in (self.path / "reports").glob("*/journal.jsonl") if not path.parent.is_symlink()]

    def _events(self, started: Started) -> list[dict[str, Any]]:
        """Return the events of a run so far; its last line may still be torn."""
        own = [path for path in self._journals() if path not in started.earlier]
        lines = own[0].read_text(encoding="utf-8").split("\n")[:-1] if own else []
        return [json.loads(line) for line in lines]

    def stack(self) -> dict[str, Any]:
        """Return the stack that runs in this folder."""
        found: dict[str, Any] = json.loads((self.path / ".workbench" / "stack.json").read_text(encoding="utf-8"))
        return found

    # -- afterwards -----------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """Return every living process that a command of this folder has started, at any depth."""
        found = []
        for process in psutil.process_iter():
            try:
                marked = process.environ().get(MARK) == self.mark
                if marked and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def assert_nothing_left(self, stack: dict[str, Any]) -> float:
        """Fail if a process, a listening port or the lock is left. Returns how long it took until they were gone."""
        took = self.wait_until_gone()
        if stack["port_base"] == self.port_base:  # else somebody else may have taken the block meanwhile
            assert [] == [address for address in addresses(stack) if listens(address)], "a port still listens"
        try:
            with FileLock(self.path / ".workbench" / "lock", timeout=0):
                pass
        except Timeout:
            raise AssertionError("the folder is still locked") from None
        status = self.run("status", "--json")
        seen = json.loads(status.stdout)
        assert (None, None, [], []) == (seen["stack"], seen["busy"], seen["faults"], seen["ledger"]), status.stdout
        return took

    def wait_until_gone(self) -> float:
        """Wait for the end of every process that was started here; return the seconds it took."""
        began = time.monotonic()
        wait_for("the end of all processes", lambda: None if self.processes() else True, GONE_WITHIN_S, self._left)
        return time.monotonic() - began

    def _left(self) -> str:
        return "\n".join(f"{process.pid} {' '.join(process.cmdline())}" for process in self.processes())

    def kill_all(self) -> None:
        """End what a failed test has left."""
        for process in self.processes():
            process.send_signal(signal.SIGCONT)
            process.kill()


def addresses(stack: dict[str, Any]) -> list[str]:
    """Return every host:port that a stack listens on."""
    urls = [*stack["services"].values(), stack["control_url"], stack["plane_url"], stack["collector_url"]]
    return [url.removeprefix("http://") for url in urls] + [edge["listener"] for edge in stack["edges"].values()]


def listens(address: str) -> bool:
    """Tell whether something accepts connections there."""
    host, port = address.rsplit(":", 1)
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((host, int(port))) == 0
