"""The command line in this very process: what it prints, and the code it would exit with."""

from __future__ import annotations

import sys

import pytest

from tests.ended import Done
from workbench.cli import app


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
