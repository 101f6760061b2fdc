"""The command before anything of it is imported."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from importlib.abc import MetaPathFinder

import pytest

from tests.documented import ROOT
from workbench.__main__ import main
from workbench.model.outcome import MEANINGS, Exit


class _Interrupting(MetaPathFinder):
    """Ctrl-C while the command line is imported."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:  # noqa: ARG002
        if fullname == "workbench.cli.app":
            raise KeyboardInterrupt


def test_ctrl_c_while_everything_is_imported_has_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "workbench.cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as stop:
        main()
    assert Exit.SIGINT == stop.value.code
    assert ("", f"exit 130: {MEANINGS[Exit.SIGINT]}\n") == capsys.readouterr()


def test_the_command_begins_where_an_interruption_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{main.__module__}:{main.__name__}" == project["scripts"]["workbench"]
