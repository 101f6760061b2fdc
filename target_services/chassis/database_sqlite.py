"""SQLite in threads with a connection each: one for writing, one for reading, one to ask whether it is there.

All writing goes through one connection, and each transaction takes the write lock when it begins: writers wait
in a fair queue here instead of in SQLite's busy loop, and none fails halfway for having read first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from target_services.chassis.database_errors import Cause
from target_services.chassis.database_lane import Job, Lane, Patience

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
    """Lanes: work in one does not wait for work in another."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._file = Path(url.database or "")
        self._writer = _Connected(_writing(url))
        self._reader = _Connected(_engine(url, isolation_level="AUTOCOMMIT"))
        self._asker = _Connected(_engine(url, isolation_level="AUTOCOMMIT"))
        self.writing = Lane("db-write", 1, self._writer.run)
        self.reading = Lane("db-read", 1, self._reader.run)
        self.asking = Lane("db-ask", 1, self._asker.run)

    def insert(self, table: Table) -> sqlite.Insert:
        """Return an insert that knows `on_conflict_do_nothing`."""
        return sqlite.insert(table)

    def prepare(self) -> None:
        """Make the folder of the file. Raises OSError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)

    def alone(self, _connection: Connection) -> None:
        """Do nothing: all transactions that write are alone, in all processes."""

    migrating = alone

    async def is_there(self) -> bool:
        """Tell whether the file is; an open connection would go on writing into one that nobody finds again."""
        return await asyncio.to_thread(self._file.exists)

    def cause(self, error: DBAPIError) -> Cause | None:
        """Return what is wrong with the database, or None when it is the statement that is wrong."""
        return _cause(error)

    def failure(self) -> Exception:
        """Return the error of a disk that fails."""
        cause = sqlite3.OperationalError("disk I/O error")
        cause.sqlite_errorname = "SQLITE_IOERR"
        return OperationalError("BEGIN", {}, cause)

    @contextmanager
    def read_only(self, connection: Connection) -> Iterator[None]:
        """Have SQLite refuse to write in the transaction of a connection."""
        connection.exec_driver_sql("PRAGMA query_only=ON")
        try:
            yield
        finally:
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            if connection.exec_driver_sql("PRAGMA query_only").scalar_one():
                connection.invalidate()

    def lock_engine(self) -> Engine:
        """Return where a connection for locking comes from."""
        return _writing(self._url)

    def take_lock(self, _connection: Connection, _schema: MetaData) -> None:
        """Do nothing: the transaction has taken the lock of the whole file when it began."""

    def holds_lock(self, connection: Connection) -> bool:
        """Tell whether the connection locks the file."""
        held: bool = connection.connection.dbapi_connection.in_transaction  # type: ignore[union-attr]
        return held

    async def close(self) -> None:
        """Close all connections, after the work in hand."""
        await self.asking.close(self._asker.disconnect)
        await self.reading.close(self._reader.disconnect)
        await self.writing.close(self._writer.disconnect)


class _Connected:
    """A connection that only one thread uses, made when it is first needed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._patience = Patience(_BUSY_MS)
        self._busy_ms = _BUSY_MS

    def run(self, job: Job[T]) -> T:
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except sqlite3.Error as error:  # of a pragma, which SQLAlchemy knows nothing about
                raise OperationalError("connect", {}, error) from error
        self._wait_at_most(self._connection, self._patience.of(job))
        try:
            with self._connection.begin():
                return job.work(self._connection)
        except OperationalError as error:
            if _cause(error) is Cause.LOCKED:
                self._patience.was_in_vain()
            raise

    def _wait_at_most(self, connection: Connection, busy_ms: int) -> None:
        if busy_ms != self._busy_ms:
            raw: Any = connection.connection.driver_connection
            raw.execute(f"PRAGMA busy_timeout={busy_ms}").close()
            self._busy_ms = busy_ms

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _cause(error: DBAPIError) -> Cause | None:
    name = getattr(error.orig, "sqlite_errorname", "")
    return next((cause for prefix, cause in _CAUSES.items() if name.startswith(prefix)), None)


def _engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, poolclass=NullPool, **options)
    event.listen(engine, "connect", _prepare)
    return engine


def _writing(url: URL) -> Engine:
    engine = _engine(url)
    event.listen(engine, "begin", _take_write_lock)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        with closing(connection.execute(f"PRAGMA {pragma}")):
            pass


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
