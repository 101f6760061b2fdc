"""PostgreSQL through psycopg: a bounded number of connections, each used by one thread at a time.

Writing is READ COMMITTED: who reads before it changes locks what it read (`with_for_update`), or says in the changing
statement what it expects to find. The server is told how long to wait for locks and statements, so that it is the one
who gives up, with an error that names the reason; where it does not answer at all, the connection is cut from here.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, OperationalError

from target_services.chassis.database_errors import Cause, OutcomeUnknown
from target_services.chassis.database_lane import Job, Lane, Patience

T = TypeVar("T")

_WRITERS = 6
_READERS = 4
_CONNECT_S = 2
_LOCK_MS = 1500
"""Longer than the server's `deadlock_timeout` (1 s), after which it looks for deadlocks. Were it not, whoever it would
have ended to begin again would have given up before, and what could have been done would have failed."""

_STATEMENT_MS = 3000
_IDLE_MS = 10_000
_TRIES = 5
"""Most times that a transaction is begun again which the server has ended for the sake of others."""

_ALONE = 5_171_717
"""Key of the advisory lock of who is alone; any number that is always the same."""

_PATIENTLY = text("SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '60s', true)")
_HELD = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'ExclusiveLock' AND relation > 0")
_LOCK_NOT_AVAILABLE = "55P03"
_BEGIN_AGAIN = frozenset({"40001", "40P01"})
_CAUSES = {
    "25006": Cause.READ_ONLY,
    "53100": Cause.FULL,
    "53": Cause.AWAY,
    "55P03": Cause.LOCKED,
    "40": Cause.LOCKED,
    "57014": Cause.SLOW,
    "57": Cause.AWAY,
    "58": Cause.AWAY,
    "08": Cause.AWAY,
    "25P03": Cause.SLOW,
    "3D000": Cause.AWAY,
    "28": Cause.AWAY,
    "XX001": Cause.DAMAGED,
    "XX002": Cause.DAMAGED,
}
"""By SQLSTATE, or the class that it begins with; the longer one counts."""


class PostgresqlBackend:
    """Lanes: work in one does not wait for work in another."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._writers = _Pool(_engine(url, _WRITERS))
        self._readers = _Pool(_engine(url, _READERS, isolation_level="AUTOCOMMIT"))
        self._askers = _Pool(_engine(url, 1, isolation_level="AUTOCOMMIT"))
        self.writing = Lane("db-write", _WRITERS, self._writers.run)
        self.reading = Lane("db-read", _READERS, self._readers.run)
        self.asking = Lane("db-ask", 1, self._askers.run)

    def insert(self, table: Table) -> postgresql.Insert:
        """Return an insert that knows `on_conflict_do_nothing`."""
        return postgresql.insert(table)

    def prepare(self) -> None:
        """Do nothing: a server's databases are made by who runs the server."""

    def alone(self, connection: Connection) -> None:
        """Wait until no other transaction is alone."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ALONE})

    def migrating(self, connection: Connection) -> None:
        """Wait until no other process brings the schema forward; what follows may take its time."""
        connection.execute(_PATIENTLY)
        self.alone(connection)

    async def is_there(self) -> bool:
        """Tell that nothing but a query can tell more."""
        return True

    def cause(self, error: DBAPIError) -> Cause | None:
        """Return what is wrong with the database, or None when it is the statement that is wrong."""
        state: str | None = getattr(error.orig, "sqlstate", None)
        if state is None:
            return Cause.AWAY if error.connection_invalidated or isinstance(error, OperationalError) else None
        return _CAUSES.get(state) or _CAUSES.get(state[:2])

    def failure(self) -> Exception:
        """Return the error of a server that goes away."""
        from psycopg import OperationalError as Lost  # noqa: PLC0415 - the driver is there only where it is needed

        return OperationalError("BEGIN", {}, Lost("server closed the connection unexpectedly"))

    @contextlib.contextmanager
    def read_only(self, connection: Connection) -> Iterator[None]:
        """Have the server refuse to write in the transaction of a connection; with that it is over."""
        connection.execute(text("SET TRANSACTION READ ONLY"))
        yield

    def lock_engine(self) -> Engine:
        """Return where a connection for locking comes from."""
        return _engine(self._url, 1)

    def take_lock(self, connection: Connection, schema: MetaData) -> None:
        """Lock all tables of the schema against writing, until the transaction ends."""
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        tables = ", ".join(f'"{name}"' for name in sorted(schema.tables))
        connection.execute(text(f"LOCK TABLE {tables} IN EXCLUSIVE MODE"))

    def holds_lock(self, connection: Connection) -> bool:
        """Tell whether the connection locks any table."""
        return bool(connection.execute(_HELD).scalar_one())

    async def close(self) -> None:
        """Close all connections, after the work in hand."""
        await self.asking.close(self._askers.close)
        await self.reading.close(self._readers.close)
        await self.writing.close(self._writers.close)


def _engine(url: URL, connections: int, **options: Any) -> Engine:
    limits = {
        "statement_timeout": _STATEMENT_MS,
        "lock_timeout": _LOCK_MS,
        "idle_in_transaction_session_timeout": _IDLE_MS,
    }
    said = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        execution_options={"preserve_rowcount": True},  # of an insert, too: it tells whether the row was there
        connect_args={"connect_timeout": _CONNECT_S, "options": said},
        **options,
    )


class _Pool:
    """Some connections, and how a job runs on one of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._patience = Patience(_LOCK_MS)

    def run(self, job: Job[T]) -> T:
        """Run a job, again where that is certain to do no harm: nothing of the first time has been kept."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._run(job, self._patience.of(job))
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state == _LOCK_NOT_AVAILABLE:
                    self._patience.was_in_vain()
                stale = error.connection_invalidated and tries == 1  # it was closed while nobody used it
                for_others = state in _BEGIN_AGAIN and tries < _TRIES
                if not stale and not for_others:
                    raise

    def close(self) -> None:
        self._engine.dispose()

    def _run(self, job: Job[T], lock_ms: int) -> T:
        with self._engine.connect() as connection, _abortable(job, connection):
            transaction = connection.begin()
            try:
                if lock_ms != _LOCK_MS:
                    connection.execute(text(f"SET LOCAL lock_timeout = {lock_ms}"))
                result = job.work(connection)
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise OutcomeUnknown from error
                raise
            return result


@contextlib.contextmanager
def _abortable(job: Job[T], connection: Connection) -> Iterator[None]:
    """Let a job be ended from outside, by cutting its connection, as long as it has one."""
    raw: Any = connection.connection.driver_connection
    using = Lock()

    def cut() -> None:
        with using:
            if job.abort is not None:
                # whatever cannot be cut has ended already
                with contextlib.suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)

    job.abort = cut
    try:
        yield
    finally:
        with using:
            job.abort = None
