from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal

_PAIR = Path(__file__).parents[2] / "integration" / "native" / "pair"


@pytest.fixture
def workbench(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    """The command line, in the current folder."""
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a system of two services and its scenarios; it becomes the current one."""
    folder = tmp_path / "pair"
    shutil.copytree(_PAIR, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    return folder
