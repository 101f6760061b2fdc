"""Rows that have been kept for long enough go; parked messages can be had published again before that."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.inbox import KEPT_S, Inbox
from target_services.chassis.outbox import PARKED_KEPT_S, Outbox
from target_services.chassis.pruning import prune_now_and_then, pruned
from target_services.notifications.domain import INBOX
from target_services.notifications.domain import SCHEMA as OF_NOTIFICATIONS
from target_services.orders.replay import replay
from target_services.orders.tables import OUTBOX, SCHEMA
from tests.unit.shop.databases import with_database


def _add(outbox: Outbox, topic: str, *, parked: bool) -> object:
    def work(connection: Connection) -> str:
        message_id = outbox.add(connection, topic, topic, {})
        if parked:
            (message,) = [message for message in outbox.due(connection, 10) if message.topic == topic]
            outbox.park(connection, message, "422 what is this?")
        return message_id

    return work


def test_only_parked_messages_are_forgotten_and_only_old_ones(tmp_path: Path) -> None:
    """What waits to be published is kept for ever."""

    async def test(database: Database) -> None:
        now_s = [time.time() - PARKED_KEPT_S - 10]
        outbox = Outbox(OUTBOX, clock_ns=lambda: int(now_s[0] * 1e9))
        for topic, parked, age_s in (("a", True, 10), ("b", False, 10), ("c", True, -10)):
            now_s[0] = time.time() - PARKED_KEPT_S - age_s
            await database.write(_add(outbox, topic, parked=parked))  # type: ignore[arg-type]
        assert await pruned(database, outbox.prune, int((time.time() - PARKED_KEPT_S) * 1e9)) == 1
        left = select(OUTBOX.c.topic).order_by(OUTBOX.c.topic)
        assert await database.read(lambda connection: list(connection.scalars(left))) == ["b", "c"]

    with_database(tmp_path, SCHEMA, test)


def test_the_inbox_is_kept_for_longer_than_anything_can_come_again(tmp_path: Path) -> None:
    """More rows than go at once, and the youngest of them stay."""

    async def test(database: Database) -> None:
        long_ago_ns = int((time.time() - KEPT_S - 60) * 1e9)
        rows = [{"message_id": f"old-{n}", "received_ns": long_ago_ns} for n in range(1200)]
        await database.write(lambda connection: connection.execute(INBOX.insert(), rows))
        inbox = Inbox(database, INBOX)
        assert await database.write(lambda connection: inbox.is_first(connection, "young"))
        draining = Draining()
        work = asyncio.create_task(
            prune_now_and_then(database, inbox.prune, "inbox", draining, keep_s=KEPT_S, every_s=0.01)
        )
        count = select(func.count()).select_from(INBOX)
        async with asyncio.timeout(60):
            while await database.read(lambda connection: connection.execute(count).scalar_one()) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        draining.begin()
        await work
        assert not await database.write(lambda connection: inbox.is_first(connection, "young"))

    with_database(tmp_path, OF_NOTIFICATIONS, test)
    assert KEPT_S > PARKED_KEPT_S


def test_it_prunes_again_whatever_went_wrong(tmp_path: Path) -> None:
    """A defect the first time, and not only a database that is away."""

    async def test(database: Database) -> None:
        pruned_times, draining = 0, Draining()

        def stumble_once(_: Connection, __: int) -> int:
            nonlocal pruned_times
            pruned_times += 1
            if pruned_times == 1:
                raise ZeroDivisionError
            return 0

        work = asyncio.create_task(
            prune_now_and_then(database, stumble_once, "things", draining, keep_s=1.0, every_s=0.001)
        )
        async with asyncio.timeout(60):
            while pruned_times < 2 and not work.done():  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)
        draining.begin()
        await work
        assert pruned_times >= 2

    with_database(tmp_path, OF_NOTIFICATIONS, test)


def test_parked_messages_are_published_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command: it lists them with their causes, unparks one or all, and says what is none."""
    url = f"sqlite:///{tmp_path}/orders.db"
    outbox = Outbox(OUTBOX)

    async def due() -> list[str]:
        database = Database(url, SCHEMA, migrations="target_services.orders.migrations")
        await database.open()
        try:
            return [message.topic for message in await database.read(lambda c: outbox.due(c, 10))]
        finally:
            await database.close()

    async def prepare() -> list[str]:
        database = Database(url, SCHEMA, migrations="target_services.orders.migrations")
        await database.open()
        try:
            return [await database.write(_add(outbox, topic, parked=True)) for topic in "ab"]  # type: ignore[arg-type]
        finally:
            await database.close()

    first, second = asyncio.run(prepare())
    assert asyncio.run(due()) == []
    assert asyncio.run(replay(url, ["--list"])) == 0
    assert capsys.readouterr().out == f"{first}: 422 what is this?\n{second}: 422 what is this?\n"
    assert asyncio.run(replay(url, [second, "nothing"])) == 1
    assert "nothing: there is no such parked message" in capsys.readouterr().err
    assert asyncio.run(due()) == ["b"]
    assert asyncio.run(replay(url, [])) == 0
    assert asyncio.run(due()) == ["a", "b"]
