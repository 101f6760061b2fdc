from __future__ import annotations

from collections.abc import Iterator

import pytest

from target_services.chassis import bugs
from tests.integration.servers import postgresql  # noqa: F401 - a fixture
from tests.unit.shop.databases import KINDS, Databases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run all tests of a module that opens databases once on each kind of database."""
    if {"with_database", "Databases"} & set(vars(metafunc.module)):
        metafunc.parametrize("database_kind", KINDS, indirect=True, scope="module")


@pytest.fixture(autouse=True, scope="module")
def database_kind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have `Databases` make databases of this kind. Skipped where there is no PostgreSQL."""
    if getattr(request, "param", "sqlite") == "postgresql":
        Databases.server = request.getfixturevalue("postgresql")
    yield
    Databases.server = None


@pytest.fixture
def planted() -> Iterator[None]:
    """For tests that plant bugs: none is left afterwards."""
    yield
    bugs.plant(())
