"""Disturbances of a database, really done: the database itself is the one that says no.

`slow` and `fail` meet any transaction, `read_only` and `lock` those that write. What is done to one transaction ends
with it. A lock is held by another connection from beginning to end, as by a backup or a migration that got stuck.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.exc import DBAPIError

from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.database_lane import Work
from target_services.chassis.disturbances import Disturbance, Resource

T = TypeVar("T")

READS = ("slow", "fail")
WRITES = ("slow", "fail", "read_only", "lock")


class Disturbable(Protocol):
    """How a kind of database is disturbed."""

    def cause(self, error: DBAPIError) -> Cause | None:
        """Return what is wrong with the database, or None when it is the statement that is wrong."""

    def failure(self) -> Exception:
        """Return what the driver raises when the database fails."""

    def read_only(self, connection: Connection) -> AbstractContextManager[None]:
        """Have the database refuse to write in the transaction of a connection."""

    def lock_engine(self) -> Engine:
        """Return where a connection for locking comes from."""

    def take_lock(self, connection: Connection, schema: MetaData) -> None:
        """Lock all tables against writing, until the transaction ends."""

    def holds_lock(self, connection: Connection) -> bool:
        """Tell whether the connection locks anything."""


def disturbed(work: Work[T], hits: Sequence[Disturbance], backend: Disturbable) -> Work[T]:
    """Return work that goes as badly as the disturbances say which hit it."""

    def run(connection: Connection) -> T:
        with ExitStack() as stack:
            for one in hits:
                match one.wanted.do:
                    case "slow":
                        time.sleep(one.wanted.delay_ns / 1e9)
                    case "fail":
                        raise backend.failure()
                    case "read_only":
                        stack.enter_context(backend.read_only(connection))
            return work(connection)

    return run


class Locks:
    """The locks that are held on purpose, each by a connection and a thread of its own."""

    def __init__(self, backend: Disturbable, schema: MetaData) -> None:
        self._backend = backend
        self._schema = schema
        self._held: dict[str, _HeldLock] = {}

    def resource(self) -> Resource:
        """Return the database as something that can be disturbed."""
        return Resource(frozenset({*WRITES, "watch"}), begin=self._begin, end=self._end)

    async def _begin(self, one: Disturbance) -> None:
        if one.wanted.do == "lock":
            lock = _HeldLock(self._backend)
            try:
                await lock.take(self._schema)
            except DBAPIError as error:
                if (cause := self._backend.cause(error)) is None:
                    raise
                raise DatabaseUnavailable(cause) from error
            self._held[one.id] = lock

    async def _end(self, one: Disturbance) -> None:
        if one.id in self._held:
            await self._held[one.id].release()
            del self._held[one.id]


class _HeldLock:
    def __init__(self, backend: Disturbable) -> None:
        self._backend = backend
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="db-lock")
        self._engine = backend.lock_engine()
        self._connection: Connection | None = None

    async def take(self, schema: MetaData) -> None:
        try:
            await self._run(lambda: self._take(schema))
        except BaseException:
            await self._run(self._close)
            self._thread.shutdown(wait=False)
            raise

    async def release(self) -> None:
        await self._run(self._release)
        self._thread.shutdown(wait=False)

    async def _run(self, step: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def _take(self, schema: MetaData) -> None:
        self._connection = self._engine.connect()
        self._connection.begin()
        self._backend.take_lock(self._connection, schema)

    def _release(self) -> None:
        connection = self._connection
        if connection is None:
            return
        connection.rollback()
        if not connection.invalidated and self._backend.holds_lock(connection):
            raise RuntimeError("the database is still locked")
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()
