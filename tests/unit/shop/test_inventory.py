from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from target_services.chassis.database import Database
from target_services.inventory.domain import HOLD_NS, SCHEMA, STOCK, Inventory, KeyReused, OutOfStock
from tests.unit.shop.databases import with_database


def _with_inventory(folder: Path, test: Callable[[Inventory], Awaitable[None]], *, stock: int = 5) -> None:
    async def filled(database: Database) -> None:
        inventory = Inventory(database, stock_of_each=stock)
        await inventory.fill()
        await test(inventory)

    with_database(folder, SCHEMA, filled)


async def _heaps(inventory: Inventory, product: int = 1) -> tuple[int, int, int]:
    query = select(STOCK.c.on_hand, STOCK.c.reserved, STOCK.c.sold).where(STOCK.c.product_id == product)
    row = await inventory._db.read(lambda connection: connection.execute(query).one())
    return row[0], row[1], row[2]


def test_goods_go_from_hand_to_reserved_to_sold(tmp_path: Path) -> None:
    """Reserve 2 of 5, confirm: 3 on hand, 0 reserved, 2 sold."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 1, 2)
        assert await _heaps(inventory) == (3, 2, 0)
        await inventory.confirm("k1")
        assert await _heaps(inventory) == (3, 0, 2)

    _with_inventory(tmp_path, test)


def test_everything_can_be_repeated(tmp_path: Path) -> None:
    """The second time changes nothing and gives the same reservation."""

    async def test(inventory: Inventory) -> None:
        first = await inventory.reserve("k1", 1, 2)
        assert await inventory.reserve("k1", 1, 2) == first
        confirmed = await inventory.confirm("k1")
        assert await inventory.confirm("k1") == confirmed
        assert await _heaps(inventory) == (3, 0, 2)
        released = await inventory.release("k1")
        assert await inventory.release("k1") == released
        assert await _heaps(inventory) == (5, 0, 0)

    _with_inventory(tmp_path, test)


def test_a_key_belongs_to_its_goods(tmp_path: Path) -> None:
    """The same key for other goods is refused."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 1, 2)
        with pytest.raises(KeyReused):
            await inventory.reserve("k1", 1, 3)

    _with_inventory(tmp_path, test)


def test_no_oversell_when_many_come_at_once(tmp_path: Path) -> None:
    """Twenty buyers, five pieces: five reservations."""

    async def test(inventory: Inventory) -> None:
        tries = (inventory.reserve(f"k{n}", 1, 1) for n in range(20))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, OutOfStock) for result in results) == 15
        assert await _heaps(inventory) == (0, 5, 0)

    _with_inventory(tmp_path, test)


def test_two_hundred_buyers_of_the_last_piece(tmp_path: Path) -> None:
    """One gets it, 199 are told that it is gone, and nothing is left half done."""

    async def test(inventory: Inventory) -> None:
        tries = (inventory.reserve(f"k{n}", 1, 1) for n in range(200))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, OutOfStock) for result in results) == 199
        assert await _heaps(inventory) == (0, 1, 0)
        assert len([row async for page in inventory.effects(0) for row in page]) == 1

    _with_inventory(tmp_path, test, stock=1)


def test_one_key_asked_for_many_times_at_once_reserves_once(tmp_path: Path) -> None:
    """A client that is impatient, or a retry that overtakes: all get the same reservation."""

    async def test(inventory: Inventory) -> None:
        for number in range(10):
            results = await asyncio.gather(*(inventory.reserve(f"k{number}", 1, 2) for _ in range(12)))
            assert len({result.id for result in results}) == 1
        assert await _heaps(inventory) == (80, 20, 0)

    _with_inventory(tmp_path, test, stock=100)


def test_what_ends_a_reservation_twice_at_once_moves_its_goods_once(tmp_path: Path) -> None:
    """Confirm, release and expiry race for the same reservations: each piece is on one heap at the end."""

    async def test(inventory: Inventory) -> None:
        later_ns = time.time_ns() + HOLD_NS
        for number in range(10):
            keys = [f"k{number}-{product}" for product in (3, 1, 2)]
            await asyncio.gather(*(inventory.reserve(key, int(key[-1]), 1) for key in keys))
            ways = (inventory.confirm, inventory.release, inventory.confirm, inventory.release)
            await asyncio.gather(
                *(way(key) for way in ways for key in keys), inventory.expire(later_ns), inventory.expire(later_ns)
            )
            for product in (1, 2, 3):
                heaps = await _heaps(inventory, product)
                assert (sum(heaps), heaps[1], min(heaps) >= 0) == (100, 0, True)

    _with_inventory(tmp_path, test, stock=100)


def test_a_clock_that_is_set_back_holds_goods_no_longer_than_twice(tmp_path: Path) -> None:
    """Reserved in the year that the clock wrongly showed: put back although that is far away; a second is nothing."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 1, 2)
        assert await inventory.expire(time.time_ns() - 1_000_000_000) == 0
        assert await inventory.expire(time.time_ns() - 365 * 24 * 3600 * 1_000_000_000) == 1
        assert await _heaps(inventory) == (5, 0, 0)

    _with_inventory(tmp_path, test)


def test_what_is_held_for_too_long_goes_back(tmp_path: Path) -> None:
    """After 15 minutes, and not before; confirmed goods never."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("held", 1, 1)
        await inventory.reserve("sold", 1, 1)
        await inventory.confirm("sold")
        assert await inventory.expire(time.time_ns()) == 0
        assert await inventory.expire(time.time_ns() + HOLD_NS) == 1
        assert await _heaps(inventory) == (4, 0, 1)

    _with_inventory(tmp_path, test)


def test_an_expired_reservation_is_taken_up_again_if_there_is_stock(tmp_path: Path) -> None:
    """An order that was paid late gets its goods, or the answer that they are gone."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("late", 1, 5)
        await inventory.expire(time.time_ns() + HOLD_NS)
        await inventory.reserve("quick", 1, 1)
        with pytest.raises(OutOfStock):
            await inventory.confirm("late")
        await inventory.release("quick")
        confirmed = await inventory.confirm("late")
        assert confirmed is not None
        assert confirmed.state == "confirmed"
        assert await _heaps(inventory) == (0, 0, 5)

    _with_inventory(tmp_path, test)


def test_a_released_reservation_stays_released(tmp_path: Path) -> None:
    """A request that arrives after the compensation does not bring the goods back to a cancelled order."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 1, 2)
        await inventory.release("k1")
        again, confirmed = await inventory.reserve("k1", 1, 2), await inventory.confirm("k1")
        assert (again.state, confirmed and confirmed.state) == ("released", "released")
        assert await _heaps(inventory) == (5, 0, 0)

    _with_inventory(tmp_path, test)


_steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "confirm", "release", "expire"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 4),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=_steps)
def test_stock_is_conserved_whatever_happens(steps: list[tuple[str, str, int]]) -> None:
    """On hand, reserved and sold always add up to what was there, and none is ever negative."""

    async def test(inventory: Inventory) -> None:
        for step, key, quantity in steps:
            try:
                if step == "reserve":
                    await inventory.reserve(key, 1, quantity)
                elif step == "confirm":
                    await inventory.confirm(key)
                elif step == "release":
                    await inventory.release(key)
                else:
                    await inventory.expire(time.time_ns() + HOLD_NS)
            except (OutOfStock, KeyReused):
                continue
            heaps = await _heaps(inventory)
            assert sum(heaps) == 5
            assert min(heaps) >= 0

    with tempfile.TemporaryDirectory() as folder:
        _with_inventory(Path(folder), test)
