from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.live.rig import LiveRig


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRig]:
    rig = LiveRig(tmp_path)
    rig.show()
    yield rig
    rig.rig.process.kill()
    rig.rig.process.wait()
    assert rig.rig.process.stdout is not None
    rig.rig.process.stdout.close()
