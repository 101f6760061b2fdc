"""Property tests here have no time limit of their own: a busy machine is no reason to fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.unit.reporting import runs

settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def _databases_are_closed() -> Iterator[None]:
    """DuckDB complains about what is still there when the interpreter ends."""
    yield
    for report in (runs.passed, runs.mixed):
        report.cache_clear()
