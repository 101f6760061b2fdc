from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.supervisor.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A stack that leaves nothing behind: every test of it asserts that."""
    made = Rig(tmp_path)
    yield made
    made.end()
