"""The command line in this very process: what it prints, and the code it would exit with."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from workbench.cli import app


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """Assert that it said why on stderr, named its exit code there last, and left stdout to results."""
        assert code == self.code, self.err
        assert "" == self.out
        assert self.err.splitlines()[-1].startswith(f"exit {code}: ")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, f"{word!r} is missing in:\n{self.err}"


class Terminal:
    """Runs commands in the current folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._captured = capfd

    def __call__(self, *argv: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["workbench", *argv])
        self._captured.readouterr()
        with pytest.raises(SystemExit) as stop:
            app.main()
        out, err = self._captured.readouterr()
        return Done(stop.value.code if isinstance(stop.value.code, int) else 0, out, err)
