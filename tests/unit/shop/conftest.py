from __future__ import annotations

from collections.abc import Iterator

import pytest

from target_services.chassis import bugs
from tests.integration.databases import database_kind, run_on_both  # noqa: F401 - fixtures
from tests.integration.servers import postgresql  # noqa: F401 - a fixture


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run all tests of a module that opens databases once on each kind of database."""
    if {"with_database", "Databases"} & set(vars(metafunc.module)):
        run_on_both(metafunc)


@pytest.fixture
def planted() -> Iterator[None]:
    """For tests that plant bugs: none is left afterwards."""
    yield
    bugs.plant(())
