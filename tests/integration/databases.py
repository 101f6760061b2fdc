"""The kinds of databases that tests run on: one after the other, all tests that open one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.servers import PostgresqlServer

KINDS = ("sqlite", "postgresql")


class Databases:
    """Where new databases come from. Without a server they are files."""

    server: PostgresqlServer | None = None
    _made: dict[tuple[str, str], str] = {}  # noqa: RUF012 - the one of this process

    @classmethod
    def url(cls, folder: Path, name: str = "test") -> str:
        """Return the URL of the database of this name that belongs to a folder."""
        if cls.server is None:
            return f"sqlite:///{folder}/{name}.db"
        of = (str(folder), name)
        if of not in cls._made:
            cls._made[of] = cls.server.new_database()
        return cls._made[of]


def run_on_both(metafunc: pytest.Metafunc) -> None:
    """Run a test once on each kind of database, unless it says itself on which."""
    said = [marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")]
    if "database_kind" not in said:
        metafunc.parametrize("database_kind", KINDS, indirect=True, scope="session")


@pytest.fixture(autouse=True, scope="session")
def database_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have `Databases` make databases of this kind. Skipped where there is no PostgreSQL."""
    kind: str = getattr(request, "param", "sqlite")
    Databases.server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    yield kind
    Databases.server = None
