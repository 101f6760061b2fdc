from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.load.rig import Rig
from tests.integration.load.target import Target, start_target


@pytest.fixture
def target() -> Iterator[Target]:
    target = start_target()
    yield target
    target.close()


@pytest.fixture
def rig(tmp_path: Path, target: Target) -> Iterator[Rig]:
    rig = Rig(tmp_path, target.url)
    yield rig
    rig.load.kill()
