"""A folder per test, in which nothing of a failed test stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is e2e, and has as long as its own waits may take together."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "home")
    yield made
    made.kill_all()
