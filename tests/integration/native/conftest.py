from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.native.rig import Folder


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Folder]:
    """A folder with a system of two services, from which nothing may be left running: every test asserts that."""
    folder = Folder(tmp_path / "pair")
    yield folder
    folder.end()
