"""SQLite in threads: one for writing, two for reading.

All writing goes through one connection, and each transaction takes the write lock when it begins: writers wait
in a fair queue here instead of in SQLite's busy loop, and none fails halfway for having read first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

T = TypeVar("T")

_BUSY_MS = 3000
_READERS = 2


class SqliteBackend:
    """Threads with a connection each."""

    def __init__(self, url: URL) -> None:
        self._file = Path(url.database or "")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._writer = _engine(url, 1)
        self._reader = _engine(url, _READERS, isolation_level="AUTOCOMMIT")
        event.listen(self._writer, "begin", _take_write_lock)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="db-write")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="db-read")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction that is committed at its end, or rolled back on an error."""
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self._write, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in which each statement sees what is committed."""
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self._read, work)

    async def is_there(self) -> bool:
        """Tell whether the file is; open connections would go on writing into one that nobody finds again."""
        return await asyncio.to_thread(self._file.exists)

    async def close(self) -> None:
        """Close all connections, after the work in hand."""
        await asyncio.to_thread(self._close)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self._writer.begin() as connection:
            return work(connection)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    def _close(self) -> None:
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()


def _engine(url: URL, size: int, **options: Any) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        skip_autocommit_rollback=True,
        connect_args={"check_same_thread": False},
        **options,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
