"""Every test of loading works in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.loading.folder import make


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario that holds, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return make(tmp_path)
