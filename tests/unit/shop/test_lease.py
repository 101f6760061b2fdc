from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import MetaData

from target_services.chassis.database import Database
from target_services.chassis.lease import LENGTH_S, Lease, lease_table
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.databases import with_database

SCHEMA = MetaData()
LEASES = lease_table(SCHEMA)


def _with_two(folder: Path, test: Callable[[Lease, Lease, FakeClock, FakeClock], Awaitable[None]]) -> None:
    """Two processes with clocks that have nothing in common."""

    async def run(database: Database) -> None:
        mine, other = FakeClock(), FakeClock()
        other.now_s = 5_000_000.0
        await test(
            Lease(database, LEASES, "work", clock=mine), Lease(database, LEASES, "work", clock=other), mine, other
        )

    with_database(folder, SCHEMA, run)


def test_the_first_has_it_and_the_second_has_not(tmp_path: Path) -> None:
    async def test(first: Lease, second: Lease, *_: FakeClock) -> None:
        assert await first.keep()
        assert not await second.keep()
        assert first.remaining_s() > 0 >= second.remaining_s()

    _with_two(tmp_path, test)


def test_of_many_that_want_it_at_once_one_gets_it(tmp_path: Path) -> None:
    async def test(database: Database) -> None:
        leases = [Lease(database, LEASES, "work", length_s=60.0) for _ in range(10)]
        assert sum(await asyncio.gather(*(lease.keep() for lease in leases))) == 1

    with_database(tmp_path, SCHEMA, test)


def test_a_holder_that_shows_life_keeps_it(tmp_path: Path) -> None:
    """For ten times its length."""

    async def test(first: Lease, second: Lease, mine: FakeClock, other: FakeClock) -> None:
        for _ in range(20):
            assert await first.keep()
            assert not await second.keep()
            mine.forward(LENGTH_S / 2)
            other.forward(LENGTH_S / 2)

    _with_two(tmp_path, test)


def test_a_dead_holders_lease_is_taken_over_only_when_it_has_surely_ended(tmp_path: Path) -> None:
    """The watcher's time begins when it first sees the lease, so the holder has always stopped before."""

    async def test(first: Lease, second: Lease, mine: FakeClock, other: FakeClock) -> None:
        assert await first.keep()
        assert not await second.keep()
        for clock in (mine, other):
            clock.forward(LENGTH_S)
        assert first.remaining_s() <= 0
        assert not await second.keep()
        other.forward(0.001)
        assert await second.keep()
        assert not await first.keep()

    _with_two(tmp_path, test)


def test_a_holder_that_comes_back_finds_it_gone(tmp_path: Path) -> None:
    """It was frozen while the other took over: what it thinks it has is over, on its own clock."""

    async def test(first: Lease, second: Lease, mine: FakeClock, other: FakeClock) -> None:
        assert await first.keep()
        assert not await second.keep()
        other.forward(2 * LENGTH_S)
        assert await second.keep()
        mine.forward(2 * LENGTH_S)
        assert first.remaining_s() <= 0
        assert not await first.keep()

    _with_two(tmp_path, test)


def test_what_is_given_back_is_free_at_once(tmp_path: Path) -> None:
    async def test(first: Lease, second: Lease, *_: FakeClock) -> None:
        assert await first.keep()
        assert not await second.keep()
        await first.give_back()
        assert first.remaining_s() <= 0
        assert await second.keep()
        await first.give_back()
        assert not await first.keep()

    _with_two(tmp_path, test)
