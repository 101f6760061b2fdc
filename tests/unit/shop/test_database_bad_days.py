"""What a database's bad days look like from above: one error with the cause in it, and all is well afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from threading import Event

import psutil
import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, select, text

from target_services.chassis.database import Database
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.database_lane import Job, Lane
from tests.integration.servers import PostgresqlServer, new_postgresql

SCHEMA = MetaData()
THINGS = Table("things", SCHEMA, Column("id", Integer, primary_key=True), Column("words", String, nullable=False))

NOBODY = 65534


@pytest.fixture
def own_server() -> Iterator[PostgresqlServer]:
    """A server of the test's own, to be harmed."""
    server = new_postgresql()
    yield server
    server.close()


def _with_database(url: str, test: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        database = Database(url, SCHEMA)
        await database.open()
        try:
            await test(database)
        finally:
            await database.close()

    asyncio.run(run())


def _insert(words: str = "hello") -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.execute(THINGS.insert(), {"words": words})

    return work


def _count(connection: Connection) -> int:
    count: int = connection.execute(select(func.count()).select_from(THINGS)).scalar_one()
    return count


def _words(connection: Connection) -> list[str]:
    return list(connection.scalars(select(THINGS.c.words)))


async def _failure(database: Database, work: Callable[[Connection], object]) -> DatabaseUnavailable:
    with pytest.raises(DatabaseUnavailable) as caught:
        await database.write(work)
    return caught.value


def test_a_full_disk(tmp_path: Path) -> None:
    """What does not fit is undone whole; what was there stays; with room again it goes on."""

    def limit(pages: int) -> Callable[[Connection], object]:
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    async def test(database: Database) -> None:
        await database.write(_insert())
        await database.write(limit(1))  # SQLite makes of this as many as there are
        failure = await _failure(database, _insert("x" * 100_000))
        assert (failure.cause, failure.may_have_acted) == (Cause.FULL, False)
        assert await database.read(_count) == 1
        assert await database.is_there(timeout_s=30)
        await database.write(limit(1_000_000))
        await database.write(_insert("x" * 100_000))
        assert await database.read(_count) == 2

    _with_database(f"sqlite:///{tmp_path}/things.db", test)


def test_another_process_has_the_lock(tmp_path: Path) -> None:
    """A backup that got stuck, a shell that somebody forgot."""

    async def test(database: Database) -> None:
        with closing(sqlite3.connect(tmp_path / "things.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await _failure(database, _insert())).cause is Cause.LOCKED
            other.execute("ROLLBACK")
        await database.write(_insert())
        assert await database.read(_count) == 1

    _with_database(f"sqlite:///{tmp_path}/things.db", test)


def test_what_the_caller_was_told_not_to_have_been_done_is_not_done_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread takes the work and is not scheduled until the caller has given up: nothing is done, as it was told."""
    told, begin = Event(), Lane._begin

    def late(self: Lane, job: Job[object]) -> object:
        told.wait(60)
        return begin(self, job)

    async def test(database: Database) -> None:
        writing = database._backend.writing
        monkeypatch.setattr(Lane, "_begin", late)
        with pytest.raises(DatabaseUnavailable) as caught:
            await writing.run(_insert(), longest_s=1.0)
        assert (caught.value.cause, caught.value.may_have_acted) == (Cause.SLOW, False)
        told.set()
        await database.write(_insert("after"))
        assert await database.read(_words) == ["after"]

    _with_database(f"sqlite:///{tmp_path}/things.db", test)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda file: file.write_bytes(b"this is no database" * 100), Cause.DAMAGED),
        (lambda file: file.mkdir(), Cause.AWAY),
        (lambda file: file.parent.rmdir() or file.parent.touch(), Cause.AWAY),
    ],
    ids=["damaged", "a folder", "below a file"],
)
def test_a_file_that_cannot_be_opened(tmp_path: Path, spoil: Callable[[Path], object], cause: Cause) -> None:
    """The start says why; it can be tried again."""
    file = tmp_path / "deeper" / "things.db"
    file.parent.mkdir()
    spoil(file)

    async def run() -> None:
        database = Database(f"sqlite:///{file}", SCHEMA)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable) as caught:
                await database.open()
            assert caught.value.cause is cause
        await database.close()

    asyncio.run(run())


def test_files_that_may_only_be_read(tmp_path: Path) -> None:
    """Somebody mounted the volume so, or has changed the owner: the start says so, and nothing is harmed."""
    folder = tmp_path.parent
    _with_database(f"sqlite:///{tmp_path}/things.db", lambda database: database.write(_insert()))
    (tmp_path / "things.db").chmod(0o444)
    tmp_path.chmod(0o555)
    for parent in (folder, folder.parent) if os.getuid() == 0 else ():
        parent.chmod(0o755)
    with ProcessPoolExecutor(1, get_context("forkserver")) as processes:
        cause = processes.submit(_write_as_nobody, f"sqlite:///{tmp_path}/things.db").result(60)
    assert cause in (Cause.READ_ONLY, Cause.AWAY)
    tmp_path.chmod(0o755)
    (tmp_path / "things.db").chmod(0o644)


def _write_as_nobody(url: str) -> Cause | None:
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    async def run() -> Cause | None:
        database = Database(url, SCHEMA)
        try:
            await database.open()
            await database.write(_insert())
        except DatabaseUnavailable as error:
            return error.cause
        finally:
            await database.close()
        return None

    return asyncio.run(run())


@pytest.mark.usefixtures("unhurried")
def test_a_server_that_goes_and_comes_back(own_server: PostgresqlServer) -> None:
    """The pool finds it again by itself, the probe follows, and what was committed is there."""

    async def test(database: Database) -> None:
        await database.write(_insert())
        own_server.stop()
        failure = await _failure(database, _insert())
        assert (failure.cause, failure.may_have_acted) == (Cause.AWAY, False)
        assert not await database.is_there()
        own_server.start()
        assert await database.is_there(timeout_s=30)
        await database.write(_insert())
        assert await database.read(_count) == 2

    _with_database(own_server.new_database(), test)


@pytest.mark.usefixtures("unhurried")
def test_nobody_notices_a_server_that_was_away_while_nobody_asked(own_server: PostgresqlServer) -> None:
    """All connections of the pool are dead, and no transaction fails for it."""

    async def test(database: Database) -> None:
        await asyncio.gather(*(database.write(_insert()) for _ in range(20)))
        own_server.stop()
        own_server.start()
        await asyncio.gather(*(database.write(_insert()) for _ in range(20)))
        assert await database.read(_count) == 40

    _with_database(own_server.new_database(), test)


def test_a_connection_lost_in_the_commit_leaves_the_end_open(own_server: PostgresqlServer) -> None:
    """Whoever asked is told that it may have been done, and nothing is done twice."""

    def killed_at_the_end(connection: Connection) -> None:
        connection.execute(THINGS.insert(), {"words": "hello"})
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        own_server.run(f"SELECT pg_terminate_backend({own}, 5000)")

    async def test(database: Database) -> None:
        failure = await _failure(database, killed_at_the_end)
        assert (failure.cause, failure.may_have_acted) == (Cause.AWAY, True)
        assert await database.read(_count) == 0

    _with_database(own_server.new_database(), test)


def test_a_server_that_hangs_is_cut_off(own_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and never answers: everybody is told in time, and no thread stays behind."""

    async def test(database: Database) -> None:
        await database.write(_insert())
        assert await database.is_there(timeout_s=30)
        server = psutil.Process(own_server.pid)
        stopped = [server, *server.children()]
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        try:
            failures = await asyncio.gather(*(_failure(database, _insert()) for _ in range(10)))
            assert {failure.cause for failure in failures} <= {Cause.SLOW, Cause.AWAY}
            assert not await database.is_there()
        finally:
            for process in reversed(stopped):
                process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            while not await database.is_there():  # noqa: ASYNC110 - its coming back has no event
                await asyncio.sleep(0.05)
        await database.write(_insert("after"))

    _with_database(own_server.new_database(), test)


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("53100", Cause.FULL),
        ("53300", Cause.AWAY),
        ("25006", Cause.READ_ONLY),
        ("57014", Cause.SLOW),
        ("57P03", Cause.AWAY),
        ("55P03", Cause.LOCKED),
        ("XX001", Cause.DAMAGED),
    ],
)
def test_what_a_server_says_becomes_a_cause(postgresql: PostgresqlServer, state: str, cause: Cause) -> None:
    """By the state that the server itself gives."""
    refuse = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")

    async def test(database: Database) -> None:
        assert (await _failure(database, lambda connection: connection.execute(refuse))).cause is cause

    _with_database(postgresql.new_database(), test)


def test_what_the_server_undoes_for_the_sake_of_others_is_done_again(postgresql: PostgresqlServer) -> None:
    """Two transactions that lock in opposite order: the server ends one, and both are done."""

    async def test(database: Database) -> None:
        for word in ("a", "b"):
            await database.write(_insert(word))
        both = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()

        def locking(first: str, second: str) -> Callable[[Connection], int]:
            tries = 0

            def work(connection: Connection) -> int:
                nonlocal tries
                tries += 1
                connection.execute(text("SET LOCAL lock_timeout = '20s'"))  # so that only deadlocks end them, however
                connection.execute(text("SET LOCAL statement_timeout = '20s'"))  # slow the machine is
                connection.execute(select(THINGS).where(THINGS.c.words == first).with_for_update())
                if tries == 1:
                    asyncio.run_coroutine_threadsafe(both.wait(), loop).result(10)
                connection.execute(select(THINGS).where(THINGS.c.words == second).with_for_update())
                return tries

            return work

        tries = await asyncio.gather(database.write(locking("a", "b")), database.write(locking("b", "a")))
        assert max(tries) > 1  # and it may be ended again: it locks first what the other one waits for

    _with_database(postgresql.new_database(), test)


def test_a_deadlock_is_found_before_anybody_gives_up(postgresql: PostgresqlServer) -> None:
    """The server looks for deadlocks once a transaction has waited so long; it must still be waiting then."""
    times = text("SELECT current_setting('deadlock_timeout')::interval < current_setting('lock_timeout')::interval")

    async def test(database: Database) -> None:
        assert await database.write(lambda connection: connection.execute(times).scalar_one())

    _with_database(postgresql.new_database(), test)
