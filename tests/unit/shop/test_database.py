"""A service's database: transactions are whole, none is lost, and a file that is gone is noticed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, select

from target_services.chassis.database import Database
from tests.integration.databases import Databases

SCHEMA = MetaData()
THINGS = Table("things", SCHEMA, Column("name", String, primary_key=True), Column("count", Integer, nullable=False))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where it is a file, in a folder that does not exist yet."""
    return Databases.url(tmp_path / "deeper")


def _run(url: str, test: Callable[[Database], Awaitable[None]]) -> None:
    async def with_database() -> None:
        database = Database(url, SCHEMA)
        await database.open()
        try:
            await test(database)
        finally:
            await database.close()

    asyncio.run(with_database())


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(THINGS)).scalar_one()


def _insert(insert: Any, row: dict[str, object], connection: Connection) -> int:
    count: int = connection.execute(insert, row).rowcount
    return count


def test_a_transaction_is_kept_whole_or_not_at_all(url: str) -> None:
    """An error at the end of the work undoes its beginning."""

    def half(connection: Connection) -> None:
        connection.execute(THINGS.insert(), {"name": "a", "count": 1})
        raise RuntimeError

    async def test(database: Database) -> None:
        with pytest.raises(RuntimeError):
            await database.write(half)
        assert await database.read(_count) == 0
        await database.write(lambda connection: connection.execute(THINGS.insert(), {"name": "a", "count": 1}))
        assert await database.read(_count) == 1

    _run(url, test)


@pytest.mark.usefixtures("unhurried")
def test_concurrent_writers_do_not_lose_updates(url: str) -> None:
    """A hundred read-modify-write transactions at once, which lock what they read, add up to a hundred."""

    def increase(connection: Connection) -> None:
        count = connection.execute(select(THINGS.c.count).with_for_update()).scalar_one()
        connection.execute(THINGS.update().values(count=count + 1))

    async def test(database: Database) -> None:
        await database.write(lambda connection: connection.execute(THINGS.insert(), {"name": "a", "count": 0}))
        await asyncio.gather(*(database.write(increase) for _ in range(100)))
        assert await database.read(lambda c: c.execute(select(THINGS.c.count)).scalar_one()) == 100

    _run(url, test)


@pytest.mark.usefixtures("unhurried")
def test_who_writes_alone_sees_what_the_one_before_wrote(url: str) -> None:
    """Twenty want to make the first row, in two processes' worth of connections: one does."""

    def first(connection: Connection) -> None:
        if not connection.execute(select(THINGS)).all():
            connection.execute(THINGS.insert(), {"name": str(uuid.uuid4()), "count": 1})

    async def test(database: Database) -> None:
        other = Database(url, SCHEMA)
        await asyncio.gather(*(one.write_alone(first) for one in (database, other) for _ in range(10)))
        await other.close()
        assert await database.read(_count) == 1

    _run(url, test)


def test_reading_does_not_wait_for_writing(url: str) -> None:
    """While a transaction is open, readers see what was committed before it."""

    async def test(database: Database) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(connection: Connection) -> None:
            connection.execute(THINGS.insert(), {"name": "a", "count": 1})
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)

        writing = asyncio.create_task(database.write(slow))
        await asyncio.wait_for(begun.wait(), 10)
        assert await database.read(_count) == 0
        go_on.set()
        await writing
        assert await database.read(_count) == 1

    _run(url, test)


def test_who_asks_whether_it_is_there_waits_for_no_reader(url: str) -> None:
    """More readers than there is room for, all of whom take their time: the database is there all the same."""

    async def test(database: Database) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(_: Connection) -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)

        reading = [asyncio.create_task(database.read(slow)) for _ in range(10)]
        await asyncio.wait_for(begun.wait(), 30)
        try:
            assert await database.is_there(timeout_s=30)
        finally:
            go_on.set()
            await asyncio.gather(*reading, return_exceptions=True)

    _run(url, test)


def test_an_insert_can_leave_alone_what_is_there(url: str) -> None:
    """The dialect's own insert: the first row stays."""

    async def test(database: Database) -> None:
        insert = database.insert(THINGS).on_conflict_do_nothing()
        for expected, count in ((1, 10), (0, 20)):
            row = {"name": "a", "count": count}
            assert await database.write(partial(_insert, insert, row)) == expected
        assert await database.read(lambda c: c.execute(select(THINGS.c.count)).scalar_one()) == 10

    _run(url, test)


def test_a_database_whose_file_is_gone_is_away(tmp_path: Path) -> None:
    """Open connections would go on writing into a file that nobody finds again; it comes back with the file."""

    async def test(database: Database) -> None:
        assert await database.is_there(timeout_s=30)
        (tmp_path / "things.db").rename(tmp_path / "elsewhere.db")
        assert not await database.is_there()
        (tmp_path / "elsewhere.db").rename(tmp_path / "things.db")
        assert await database.is_there(timeout_s=30)

    _run(f"sqlite:///{tmp_path}/things.db", test)
