"""Tests side by side (`-n`): whole scenarios last and on one worker, so that nothing else takes the processor."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)  # once each folder has marked its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A scenario on a starved machine proves nothing, and says so; so all else has to be over by then."""
    alone = [item for item in items if item.get_closest_marker("e2e")]
    for item in alone:
        item.add_marker(pytest.mark.xdist_group("e2e"))
    items[:] = [item for item in items if not item.get_closest_marker("e2e")] + alone
