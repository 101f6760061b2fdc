from __future__ import annotations

from collections.abc import Iterator

import pytest

from target_services.chassis import bugs, database_postgresql
from target_services.chassis.database import Database
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


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases made from now on wait for a minute: the time of all that wait for one another begins at once."""
    monkeypatch.setattr(Database._run, "__defaults__", (60.0,))
    monkeypatch.setattr(database_postgresql, "_CONNECT_S", 30)
    monkeypatch.setattr(database_postgresql, "_LOCK_MS", 60_000)
    monkeypatch.setattr(database_postgresql, "_STATEMENT_MS", 60_000)
