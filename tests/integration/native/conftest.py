from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.native.rig import Folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Some run a dozen commands, each of which may take half a minute on a machine without room."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Folder]:
    """A folder with a system of two services, from which nothing may be left running: every test asserts that."""
    folder = Folder(tmp_path / "pair")
    yield folder
    folder.end()
