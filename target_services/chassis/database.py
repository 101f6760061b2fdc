"""A service's own database. Domain code gives it functions of one connection, each of which is one transaction.

    order = await database.write(lambda connection: ...)

A function runs in a thread, whole: one hand-over per transaction, where a driver with an async interface needs
three or four per statement and about twice the CPU (350 to 540 against 190 us for one insert). SQLite is the only
kind of database so far; nobody above this module knows that, so another kind is another backend beside it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from target_services.chassis import migrations
from target_services.chassis.database_sqlite import SqliteBackend

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database:
    """One database with one schema."""

    def __init__(self, url: str, schema: MetaData, *, migrations: str | None = None) -> None:
        """`migrations`: the package with the revisions that lead to the schema. Without one it is made as it stands."""
        self._url = make_url(url)
        self._schema = schema
        self._migrations = migrations
        self._backend: SqliteBackend | None = None

    async def open(self) -> None:
        """Connect, and bring the schema to what the code expects. Raises SchemaRefused when that cannot be done."""
        self._backend = SqliteBackend(self._url)
        if self._migrations is None:
            await self.write(self._schema.create_all)
        elif not await self.read(partial(migrations.is_current, package=self._migrations)):
            await self.write(partial(migrations.upgrade, package=self._migrations))

    async def close(self) -> None:
        """Close all connections, after the work in hand."""
        if self._backend is not None:
            await self._backend.close()

    async def write(self, work: Work[T]) -> T:
        """Run work in a transaction that is committed at its end, or rolled back on an error."""
        assert self._backend is not None, "the database is not open"
        context = contextvars.copy_context()  # work sees the trace and the request that it is done for
        return await self._backend.write(lambda connection: context.run(work, connection))

    async def read(self, work: Work[T]) -> T:
        """Run work in which each statement sees what is committed."""
        assert self._backend is not None, "the database is not open"
        return await self._backend.read(work)

    def insert(self, table: Table) -> sqlite.Insert:
        """Return an insert that knows `on_conflict_do_nothing`, which is the dialect's own business."""
        return sqlite.insert(table)

    async def is_there(self, timeout_s: float = 1.0) -> bool:
        """Tell whether the database can be used."""
        assert self._backend is not None, "the database is not open"
        try:
            async with asyncio.timeout(timeout_s):
                await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
                return await self._backend.is_there()
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
