"""Databases for tests: of the kind that the test runs on (see conftest), new for each folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import MetaData

from target_services.chassis.database import Database
from tests.integration.servers import PostgresqlServer

T = TypeVar("T")

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


def with_database(folder: Path, schema: MetaData, test: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(Databases.url(folder), schema)
        await database.open()
        try:
            return await test(database)
        finally:
            await database.close()

    return asyncio.run(run())
