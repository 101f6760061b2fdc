"""A service's own database: SQLite by default, PostgreSQL by another URL.

Writing on SQLite goes through one connection, and each transaction takes the write lock when it begins:
writers wait in a fair queue here instead of in SQLite's busy loop, and none fails halfway for having read first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_BUSY_MS = 3000
_READERS = 2
_SERVER_POOL = 10


class Database:
    """Connections to one database with one schema."""

    def __init__(self, url: str, schema: MetaData) -> None:
        self._url = make_url(url)
        self._schema = schema
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._writer: AsyncEngine | None = None
        self._reader: AsyncEngine | None = None

    async def open(self) -> None:
        """Connect, and create what is missing of the schema."""
        if self._is_sqlite:
            self._file().parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._engine(1 if self._is_sqlite else _SERVER_POOL)
        self._reader = self._engine(_READERS if self._is_sqlite else _SERVER_POOL, autocommit=True)
        if self._is_sqlite:
            event.listen(self._writer.sync_engine, "begin", _take_write_lock)
        async with self._writer.begin() as connection:
            await connection.run_sync(self._schema.create_all)

    async def close(self) -> None:
        """Close all connections."""
        for engine in (self._writer, self._reader):
            if engine is not None:
                await engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that is committed at the end, or rolled back on an error."""
        assert self._writer is not None, "the database is not open"
        async with self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection on which each statement sees what is committed."""
        assert self._reader is not None, "the database is not open"
        async with self._reader.connect() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """Return an insert that knows `on_conflict_do_nothing`, which is the dialect's own business."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    async def is_there(self, timeout_s: float = 1.0) -> bool:
        """Tell whether the database can be used."""
        if self._is_sqlite and not await asyncio.to_thread(self._file().exists):
            return False  # open connections would go on writing into a file that nobody can find again
        try:
            async with asyncio.timeout(timeout_s), self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    def _file(self) -> Path:
        return Path(self._url.database or "")

    def _engine(self, size: int, *, autocommit: bool = False) -> AsyncEngine:
        options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        engine = create_async_engine(
            self._url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            skip_autocommit_rollback=True,
            **options,
        )
        if self._is_sqlite:
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
