"""SQLite in two threads with a connection each: one for writing, one for reading.

All writing goes through one connection, and each transaction takes the write lock when it begins: writers wait
in a fair queue here instead of in SQLite's busy loop, and none fails halfway for having read first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

T = TypeVar("T")

_BUSY_MS = 3000


class SqliteBackend:
    """Two lanes: work in one does not wait for work in the other."""

    def __init__(self, url: URL) -> None:
        self._file = Path(url.database or "")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        writing = _engine(url)
        event.listen(writing, "begin", _take_write_lock)
        self._writing = _Lane(writing, "db-write")
        self._reading = _Lane(_engine(url, isolation_level="AUTOCOMMIT"), "db-read")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction that is committed at its end, or rolled back on an error."""
        return await self._writing.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in which each statement sees what is committed."""
        return await self._reading.run(work)

    async def is_there(self) -> bool:
        """Tell whether the file is; an open connection would go on writing into one that nobody finds again."""
        return await asyncio.to_thread(self._file.exists)

    async def close(self) -> None:
        """Close both connections, after the work in hand."""
        await asyncio.to_thread(self._reading.close)
        await asyncio.to_thread(self._writing.close)


class _Lane:
    """A thread and the connection that only it uses."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def close(self) -> None:
        self._thread.submit(self._disconnect).result()
        self._thread.shutdown()

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            return work(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, poolclass=NullPool, **options)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
