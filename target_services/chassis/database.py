"""A service's own database. Domain code gives it functions of one connection, each of which is one transaction.

    order = await database.write(lambda connection: ...)

A function runs in a thread, whole: one hand-over per transaction, where a driver with an async interface needs
three or four per statement and about twice the CPU (350 to 540 against 190 us for one insert). It may be run again
when the database asks for that, so it changes nothing but the database.

Which database it is, is decided by the URL alone; nobody above this module knows. What it must not rely on is that
writers come one after the other, as they do with SQLite: who reads before it changes locks what it read, with
`with_for_update()`, which SQLite has no need of and leaves out (docs/adr/0013-migrations-and-two-databases.md).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from target_services.chassis import migrations
from target_services.chassis.database_disturbances import READS, WRITES, Locks, disturbed
from target_services.chassis.database_errors import Cause, DatabaseUnavailable, OutcomeUnknown, Trouble
from target_services.chassis.database_lane import LONGEST_S, Lane, Work
from target_services.chassis.database_postgresql import PostgresqlBackend
from target_services.chassis.database_sqlite import SqliteBackend
from target_services.chassis.disturbances import Disturbances

T = TypeVar("T")

_BACKENDS: dict[str, type[PostgresqlBackend | SqliteBackend]] = {
    "sqlite": SqliteBackend,
    "postgresql": PostgresqlBackend,
}


class Database:
    """One database with one schema."""

    def __init__(self, url: str, schema: MetaData, *, migrations: str | None = None) -> None:
        """`migrations`: the package with the revisions that lead to the schema. Without one it is made as it stands."""
        parsed = make_url(url)
        self._backend = _BACKENDS[parsed.drivername](parsed)
        self._schema = schema
        self._migrations = migrations
        self._trouble = Trouble()
        self._disturbances: Disturbances | None = None

    async def open(self) -> None:
        """Bring the schema to what the code expects. To be called again after DatabaseUnavailable.

        Raises SchemaRefused when waiting does not help.
        """
        try:
            self._backend.prepare()
        except OSError as error:
            raise DatabaseUnavailable(Cause.AWAY, str(error)) from error
        writing, reading = self._backend.writing, self._backend.reading
        if self._migrations is None:
            await self._run(writing, self._schema.create_all, longest_s=None)
        elif not await self._run(reading, partial(migrations.is_current, package=self._migrations), longest_s=None):
            await self._run(writing, partial(self._upgrade, package=self._migrations), longest_s=None)

    async def close(self) -> None:
        """Close all connections, after the work in hand."""
        await self._backend.close()

    async def write(self, work: Work[T]) -> T:
        """Run work in a transaction that is committed at its end, or rolled back on an error.

        Raises what the work raises, and DatabaseUnavailable where it is not the work's fault.
        """
        if self._disturbances is not None and (hits := self._disturbances.hits("database", *WRITES)):
            work = disturbed(work, hits, self._backend)
        context = contextvars.copy_context()  # work sees the trace and the request that it is done for
        with self._watched():
            return await self._run(self._backend.writing, lambda connection: context.run(work, connection))

    async def write_alone(self, work: Work[T]) -> T:
        """Write while no other transaction of this kind runs, in any process.

        For work that cannot lock what it has read because it is not there yet.
        """
        return await self.write(_after(self._backend.alone, work))

    async def read(self, work: Work[T]) -> T:
        """Run work in which each statement sees what is committed. Raises as `write` does."""
        if self._disturbances is not None and (hits := self._disturbances.hits("database", *READS)):
            work = disturbed(work, hits, self._backend)
        with self._watched():
            return await self._run(self._backend.reading, work)

    def disturbed_by(self, disturbances: Disturbances) -> None:
        """Let transactions be disturbed on purpose from now on."""
        disturbances.offer("database", Locks(self._backend, self._schema).resource())
        self._disturbances = disturbances

    def _watched(self) -> AbstractContextManager[None]:
        if self._disturbances is None:
            return nullcontext()
        return self._disturbances.watched("database", DatabaseUnavailable)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert that knows `on_conflict_do_nothing`, which is the dialect's own business."""
        return self._backend.insert(table)

    async def is_there(self, timeout_s: float = 1.0) -> bool:
        """Tell whether the database can be asked. What is disturbed on purpose counts as there.

        The question waits for nobody's reads: a service that has much to read is not one whose database is away.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if not await self._backend.is_there():
                    return False
            await self._backend.asking.run(_ask, timeout_s)
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    async def _run(self, lane: Lane, work: Work[T], longest_s: float | None = LONGEST_S) -> T:
        try:
            result = await lane.run(work, longest_s)
        except OutcomeUnknown as error:
            raise self._trouble.seen(DatabaseUnavailable(Cause.AWAY, str(error), may_have_acted=True)) from error
        except DatabaseUnavailable as error:
            raise self._trouble.seen(error) from None
        except DBAPIError as error:
            if (cause := self._backend.cause(error)) is None:
                raise
            raise self._trouble.seen(DatabaseUnavailable(cause, str(error.orig).strip())) from error
        self._trouble.over()
        return result

    def _upgrade(self, connection: Connection, package: str) -> None:
        self._backend.migrating(connection)
        migrations.upgrade(connection, package)


def _after(first: Callable[[Connection], None], work: Work[T]) -> Work[T]:
    def both(connection: Connection) -> T:
        first(connection)
        return work(connection)

    return both


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
