"""Every run of these tests keeps to the fake clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.stage import Stage, stepped


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """Make stages, each with a directory of its own."""
    stepped(monkeypatch)
    made = 0

    def make(*arguments: Any, **settings: Any) -> Stage:
        nonlocal made
        made += 1
        return Stage(tmp_path / f"run-{made}", *arguments, **settings)

    return make
