from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.reporting import runs


@pytest.fixture(scope="session", autouse=True)
def _databases_are_closed() -> Iterator[None]:
    """DuckDB complains about what is still there when the interpreter ends."""
    yield
    for report in (runs.passed, runs.mixed):
        report.cache_clear()
