"""SQLite in two threads with a connection each: one for writing, one for reading.

All writing goes through one connection, and each transaction takes the write lock when it begins: writers wait
in a fair queue here instead of in SQLite's busy loop, and none fails halfway for having read first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from target_services.chassis.database_errors import Cause
from target_services.chassis.database_lane import Job, Lane

T = TypeVar("T")

_BUSY_MS = 1000
_CAUSES = {
    "SQLITE_BUSY": Cause.LOCKED,
    "SQLITE_LOCKED": Cause.LOCKED,
    "SQLITE_READONLY": Cause.READ_ONLY,
    "SQLITE_FULL": Cause.FULL,
    "SQLITE_CANTOPEN": Cause.AWAY,
    "SQLITE_IOERR": Cause.AWAY,
    "SQLITE_PROTOCOL": Cause.LOCKED,
    "SQLITE_CORRUPT": Cause.DAMAGED,
    "SQLITE_NOTADB": Cause.DAMAGED,
}


class SqliteBackend:
    """Two lanes: work in one does not wait for work in the other."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._file = Path(url.database or "")
        writing = _engine(url)
        event.listen(writing, "begin", _take_write_lock)
        self._writer = _Connected(writing)
        self._reader = _Connected(_engine(url, isolation_level="AUTOCOMMIT"))
        self.writing = Lane("db-write", 1, self._writer.run)
        self.reading = Lane("db-read", 1, self._reader.run)

    def insert(self, table: Table) -> sqlite.Insert:
        """Return an insert that knows `on_conflict_do_nothing`."""
        return sqlite.insert(table)

    def prepare(self) -> None:
        """Make the folder of the file. Raises OSError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)

    def alone(self, _connection: Connection) -> None:
        """Wait until no other process writes: each transaction does that when it begins."""

    async def is_there(self) -> bool:
        """Tell whether the file is; an open connection would go on writing into one that nobody finds again."""
        return await asyncio.to_thread(self._file.exists)

    def cause(self, error: DBAPIError) -> Cause | None:
        """Return what is wrong with the database, or None when it is the statement that is wrong."""
        name = getattr(error.orig, "sqlite_errorname", "")
        return next((cause for prefix, cause in _CAUSES.items() if name.startswith(prefix)), None)

    def failure(self) -> Exception:
        """Return the error of a disk that fails."""
        cause = sqlite3.OperationalError("disk I/O error")
        cause.sqlite_errorname = "SQLITE_IOERR"
        return OperationalError("BEGIN", {}, cause)

    async def close(self) -> None:
        """Close both connections, after the work in hand."""
        await self.reading.close(self._reader.disconnect)
        await self.writing.close(self._writer.disconnect)


class _Connected:
    """A connection that only one thread uses, made when it is first needed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def run(self, job: Job[T]) -> T:
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except sqlite3.Error as error:  # of a pragma, which SQLAlchemy knows nothing about
                raise OperationalError("connect", {}, error) from error
        with self._connection.begin():
            return job.work(self._connection)

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, poolclass=NullPool, **options)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        with closing(connection.execute(f"PRAGMA {pragma}")):
            pass


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
