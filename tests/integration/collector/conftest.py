from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.collector.exposer import Exposer, start_exposer
from tests.integration.collector.rig import Rig, start_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = start_rig(tmp_path)
    yield rig
    rig.process.kill()
    rig.process.wait()
    assert rig.process.stdout is not None
    rig.process.stdout.close()


@pytest.fixture
def expose() -> Iterator[Callable[[str], Exposer]]:
    """Starts services that expose a text."""
    with ExitStack() as started:

        def start(text: str = "calls_total 1\n") -> Exposer:
            exposer = start_exposer(text)
            started.callback(exposer.close)
            return exposer

        yield start
