"""Tests side by side (`-n`): judged scenarios last and on two workers, so that nothing else takes the processor.

Tests of containers are on one worker, too, as are runs that are only interrupted: several stacks starve each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_OF_TIME = (
    "tests/e2e/test_dashboards.py",
    "tests/e2e/test_own_services.py",
    "tests/e2e/test_scenarios.py",
    "tests/docker/test_shop.py",
)
_OF_EFFECTS = ("tests/e2e/test_every_kind.py", "tests/e2e/test_integrity.py")
"""Have little load, and objectives that leave room: beside one of the others, two cores are enough."""

_LAST = (*_OF_TIME, *_OF_EFFECTS)
_TOGETHER = {
    **dict.fromkeys(_OF_TIME, "scenarios of time"),
    **dict.fromkeys(_OF_EFFECTS, "scenarios of effects"),
    "tests/e2e/": "interrupted runs",
    "tests/docker/": "containers",
    "tests/integration/live/test_page.py": "browser",
}
"""By how the id of a test begins: the first that fits counts."""


class _Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each test to whoever is free, but keeps some together.

    xdist's own groups do that by a private field of pytest's items, which pytest 9 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((name for begin, name in _TOGETHER.items() if nodeid.startswith(begin)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """Return who says which worker has which test."""
    return _Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A scenario on a starved machine proves nothing, and says so; so all else has to be over by then."""
    root = Path(__file__).parent.parent

    def how_late(item: pytest.Item) -> int:
        path = item.path.relative_to(root).as_posix()
        return next((place for place, begin in enumerate(_LAST, 1) if path.startswith(begin)), 0)

    items.sort(key=how_late)
