"""Tests side by side (`-n`): scenarios that are judged by time come last and on two workers, so that nothing else takes
the processor. What else has a worker of its own comes first: scenarios that count effects only, runs that are only
interrupted, and all that is in containers; several stacks of one sort starve each other.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# property tests have no time limit of their own: a busy machine is no reason to fail
settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")

_OF_INTEGRITY = "tests/e2e/test_integrity.py"
"""Eight orders a second, and nothing that is judged by how long it takes."""

_OF_TIME = ("tests/e2e/test_scenarios.py", "tests/docker/test_shop.py")
_OF_LITTLE_LOAD = ("tests/e2e/test_dashboards.py", "tests/e2e/test_every_kind.py", "tests/e2e/test_own_services.py")
"""Their objectives leave room: beside one of the others, two cores are enough."""

_LAST = (*_OF_TIME, *_OF_LITTLE_LOAD)
_TOGETHER = {
    _OF_INTEGRITY: "scenarios of integrity",
    **dict.fromkeys(_OF_TIME, "scenarios of time"),
    **dict.fromkeys(_OF_LITTLE_LOAD, "scenarios of little load"),
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


def pytest_configure() -> None:
    """A job in the background of a script ignores SIGINT, and so would every command that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """Return who says which worker has which test."""
    return _Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is on one worker for long comes first, beside the rest.

    But a scenario on a starved machine proves nothing, and says so; so all else has to be over by then.
    """
    root = Path(__file__).parent.parent

    def how_late(item: pytest.Item) -> int:
        path = item.path.relative_to(root).as_posix()
        begin = next((begin for begin in _TOGETHER if path.startswith(begin)), None)
        if begin in _LAST:
            return 1 + _LAST.index(begin)
        return 0 if begin is None else -1

    items.sort(key=how_late)
