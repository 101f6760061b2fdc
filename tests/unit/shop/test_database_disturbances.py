"""A disturbed database is the one that says no, as often as was asked for, and no longer than that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, select

from target_services.chassis.database import Database
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.disturbances import Disturbances, Impossible, Wanted, exempt
from tests.integration.databases import Databases
from workbench.model.faults.seeded import is_hit

SCHEMA = MetaData()
THINGS = Table("things", SCHEMA, Column("name", String, primary_key=True), Column("count", Integer, nullable=False))

Test = Callable[[Database, Disturbances], Awaitable[None]]


def _with_things(folder: Path, test: Test) -> None:
    async def run() -> None:
        database, disturbances = Database(Databases.url(folder), SCHEMA), Disturbances()
        await database.open()
        database.disturbed_by(disturbances)
        try:
            await database.write(lambda connection: connection.execute(THINGS.insert(), {"name": "a", "count": 0}))
            await test(database, disturbances)
        finally:
            await disturbances.end_all()
            await database.close()

    asyncio.run(run())


def _wanted(do: str, **options: object) -> Wanted:
    return Wanted.model_validate({"resource": "database", "do": do, "lease_ms": 60_000, **options})


def _increase(connection: Connection) -> None:
    connection.execute(THINGS.update().values(count=THINGS.c.count + 1))


def _count(connection: Connection) -> int:
    count: int = connection.execute(select(THINGS.c.count)).scalar_one()
    return count


async def _cause(database: Database) -> Cause | None:
    try:
        await database.write(_increase)
    except DatabaseUnavailable as error:
        return error.cause if not error.may_have_acted else None
    return None


@pytest.mark.parametrize(
    ("do", "cause"), [("read_only", Cause.READ_ONLY), ("lock", Cause.LOCKED), ("fail", Cause.AWAY)]
)
def test_nothing_is_written_while_it_lasts_and_everything_afterwards(tmp_path: Path, do: str, cause: Cause) -> None:
    """The database gives the reason; when it is over, there is no trace of it."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        await disturbances.put("d", _wanted(do))
        assert [await _cause(database) for _ in range(2)] == [cause] * 2
        ended = await disturbances.end("d")
        assert (ended.eligible, ended.hit) == (2, 2)
        assert [await _cause(database) for _ in range(10)] == [None] * 10
        assert await database.read(_count) == 10

    _with_things(tmp_path, test)


@pytest.mark.parametrize("do", ["read_only", "lock"])
def test_what_only_hinders_writing_lets_readers_read(tmp_path: Path, do: str) -> None:
    """And does not count them."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        one = await disturbances.put("d", _wanted(do))
        assert await database.read(_count) == 0
        assert one.eligible == 0

    _with_things(tmp_path, test)


@pytest.mark.parametrize("do", ["read_only", "fail"])
def test_a_share_of_the_transactions_is_hit(tmp_path: Path, do: str) -> None:
    """Exactly those that seed and ordinal say, and each of the others is done."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        await disturbances.put("d", _wanted(do, share=0.4, seed=3))
        failed = [await _cause(database) is not None for _ in range(50)]
        assert failed == [is_hit(3, "d", ordinal, 0.4) for ordinal in range(50)]
        await disturbances.end("d")
        assert await database.read(_count) == failed.count(False)

    _with_things(tmp_path, test)


def test_slow_means_each_transaction_takes_longer(tmp_path: Path) -> None:
    """Reading and writing, by the delay at least; the work is done."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        one = await disturbances.put("d", _wanted("slow", delay_ns=30_000_000))
        started_s = time.monotonic()
        for _ in range(3):
            await database.write(_increase)
        assert await database.read(_count) == 3
        assert time.monotonic() - started_s >= 0.12
        assert (one.eligible, one.hit) == (4, 4)

    _with_things(tmp_path, test)


def test_many_that_meet_a_lock_wait_together_and_not_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred and twenty writers at once: each has the lock's answer before its own time is over, none is too slow.

    One after the other it would take them 120 s with SQLite, and 30 s with PostgreSQL, which has six at a time.
    """
    monkeypatch.setattr(Database._run, "__defaults__", (25.0,))

    async def test(database: Database, disturbances: Disturbances) -> None:
        await disturbances.put("d", _wanted("lock"))
        assert set(await asyncio.gather(*(_cause(database) for _ in range(120)))) == {Cause.LOCKED}
        await disturbances.end("d")
        assert await database.read(_count) == 0

    _with_things(tmp_path, test)


def test_a_lock_that_nobody_renews_goes_away(tmp_path: Path) -> None:
    """Also when whoever took it is gone."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        await disturbances.put("d", _wanted("lock", lease_ms=50))
        async with asyncio.timeout(20):
            while disturbances.all():  # noqa: ASYNC110 - the end has no event
                await asyncio.sleep(0.01)
        assert await _cause(database) is None

    _with_things(tmp_path, test)


def test_a_second_lock_is_refused_and_the_first_one_stays(tmp_path: Path) -> None:
    """The database does not give what it has given."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        await disturbances.put("first", _wanted("lock"))
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await disturbances.put("second", _wanted("lock"))
        assert [one.id for one in disturbances.all()] == ["first"]
        assert await _cause(database) is Cause.LOCKED

    _with_things(tmp_path, test)


def test_a_lock_cannot_be_held_in_part(tmp_path: Path) -> None:
    """A share makes no sense."""

    async def test(_: Database, disturbances: Disturbances) -> None:
        with pytest.raises(Impossible, match="share has to be 1"):
            await disturbances.put("d", _wanted("lock", share=0.5))

    _with_things(tmp_path, test)


def test_who_looks_is_not_disturbed(tmp_path: Path) -> None:
    """Probes and audits see the service as it is, and count for nothing."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        one = await disturbances.put("d", _wanted("fail"))
        assert await database.is_there(timeout_s=30)
        exempt.set(True)
        assert await database.read(_count) == 0
        assert one.eligible == 0

    _with_things(tmp_path, test)


def test_transactions_that_meet_a_locked_database_are_seen_by_who_watches_it(tmp_path: Path) -> None:
    """Readers do not meet it, so that they are counted and not hit; what the workbench itself does is not counted."""

    async def test(database: Database, disturbances: Disturbances) -> None:
        watch = await disturbances.put("w", _wanted("watch"))
        await database.write(_increase)
        await disturbances.put("f", _wanted("lock"))
        assert Cause.LOCKED is await _cause(database)
        assert 1 == await database.read(_count)
        exempt.set(True)
        await database.read(_count)
        assert (3, 1) == (watch.eligible, watch.hit)

    _with_things(tmp_path, test)
