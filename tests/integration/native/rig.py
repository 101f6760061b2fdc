"""The real command line in a folder of its own, on a system of two tiny services."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.ended import Done
from tests.integration.supervisor.marks import DEADLINE_S, MARK, marked, nothing_left, wait_until

PAIR = Path(__file__).parent / "pair"
_ENDS_WITHIN_S = 240.0
"""A whole run, or how long one takes until something happens in it."""


class Folder:
    """A folder with the pair system in it, and everything that runs from there."""

    def __init__(self, path: Path) -> None:
        shutil.copytree(PAIR, path, ignore=shutil.ignore_patterns("__pycache__"))
        self.path = path
        self.mark = secrets.token_hex(8)
        self.state = path / ".workbench"

    def start(self, *argv: str, under: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
        """Start a command, by means of another one if it is `under` one, and do not wait."""
        return subprocess.Popen(
            [*under, sys.executable, "-m", "workbench", *argv],
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {MARK: self.mark, "COLUMNS": "80"} | environment,
        )

    def workbench(self, *argv: str, under: Sequence[str] = (), **environment: str) -> Done:
        """Run a command to its end."""
        return done(self.start(*argv, under=under, **environment))

    def up(self, *options: str) -> dict[str, Any]:
        """Start the pair, and return what runs."""
        started = self.workbench("up", "--system", "system.yaml", *options)
        assert 0 == started.code, started.err
        return self.status()

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        asked = self.workbench("status", "--json")
        assert 0 == asked.code, asked.err
        return dict(json.loads(asked.out))

    def ask(self, path: str = "/ask") -> str:
        """Ask the front service."""
        stack = json.loads((self.state / "stack.json").read_text())
        with urllib.request.urlopen(stack["services"]["front"] + path, timeout=DEADLINE_S) as answer:  # noqa: S310
            content = answer.read()
            assert isinstance(content, bytes)
            return content.decode()

    def pid(self, name: str) -> int:
        """Return the number of a process of the stack."""
        return int(json.loads((self.state / "stack.json").read_text())["processes"][name]["pid"])

    def replace(self, file: str, old: str, new: str) -> Path:
        """Change a file of the system, which has to hold what is replaced."""
        path = self.path / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return path

    def runs(self) -> list[Path]:
        return [path.parent for path in self.path.glob("reports/*/run.json") if not path.parent.is_symlink()]

    def wait_for_event(self, name: str) -> None:
        """Wait until the only run here has written an event."""
        wait_until(f"the run says {name}", lambda: self.has_event(name), _ENDS_WITHIN_S)

    def has_event(self, name: str) -> bool:
        """Tell whether the only run here has written an event."""
        return any(name in _text(run / "journal.jsonl") for run in self.runs())

    def end(self) -> None:
        """End what runs here, and assert that nothing is left."""
        for process in marked(self.mark):
            with contextlib.suppress(psutil.Error):
                if {"workbench", "workbench.supervisor"} & set(process.cmdline()):
                    process.send_signal(signal.SIGTERM)
        nothing_left(self.mark)


def done(command: subprocess.Popen[str]) -> Done:
    """Wait for a command to end."""
    try:
        out, err = command.communicate(timeout=_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        command.kill()
        out, err = command.communicate()
        raise AssertionError(f"{command.args!r} did not end within {_ENDS_WITHIN_S:g} s:\n{out}\n{err}") from None
    return Done(command.returncode, out, err)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def events(run: Path, name: str) -> list[dict[str, Any]]:
    """Return the events of one name that a run has written."""
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]
