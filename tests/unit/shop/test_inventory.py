from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from target_services.chassis import bugs
from target_services.chassis.audit import document
from target_services.chassis.bugs import Bug
from target_services.chassis.cursors import BadCursor, Cursors
from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.problems import Problem
from target_services.inventory import rpc
from target_services.inventory.app import expire_now_and_then
from target_services.inventory.domain import (
    HOLD_NS,
    RESERVATIONS,
    SCHEMA,
    STOCK,
    Inventory,
    KeyReused,
    OutOfStock,
    Reservation,
)
from target_services.inventory.listing import StockList
from target_services.protos.inventory_pb2 import ReservationKey, ReserveRequest
from tests.unit.shop.databases import with_database
from workbench.model.audit import Audit


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


BUYERS = 200


def _buy_the_last(folder: Path) -> tuple[int, tuple[int, int, int]]:
    """Let many reserve the last piece at once; return how many got it, and the heaps."""
    got = (0, (0, 0, 0))

    async def test(inventory: Inventory) -> None:
        nonlocal got
        tries = (inventory.reserve(f"k{n}", 1, 1) for n in range(BUYERS))
        results = await asyncio.gather(*tries, return_exceptions=True)
        refused = sum(isinstance(result, OutOfStock) for result in results)
        held = sum(isinstance(result, Reservation) for result in results)
        assert held + refused == BUYERS, results
        got = held, await _heaps(inventory)

    _with_inventory(folder, test, stock=1)
    return got


@pytest.mark.usefixtures("unhurried")
def test_of_many_who_want_the_last_piece_one_gets_it(tmp_path: Path) -> None:
    """Two hundred buyers at once and one piece: one reservation, and nothing is below zero."""
    assert _buy_the_last(tmp_path) == (1, (0, 1, 0))


@pytest.mark.usefixtures("planted", "unhurried")
def test_stock_that_is_looked_at_and_then_taken_from_is_oversold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: all look before the first one takes, all get it, and the heaps no longer add up."""
    bugs.plant([Bug.OVERSELL])
    look, all_have_looked = Inventory.on_hand, asyncio.Barrier(BUYERS)

    async def look_and_wait(self: Inventory, product_id: int) -> int | None:
        seen = await look(self, product_id)
        await all_have_looked.wait()
        return seen

    monkeypatch.setattr(Inventory, "on_hand", look_and_wait)
    held, heaps = _buy_the_last(tmp_path)
    assert (held, sum(heaps)) == (BUYERS, BUYERS)


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


def test_it_looks_again_for_what_is_held_for_too_long_whatever_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect the first time, and not only a database that is away."""

    async def test(inventory: Inventory) -> None:
        looked, draining, expire = 0, Draining(), inventory.expire

        async def stumble_once(now_ns: int) -> int:
            nonlocal looked
            looked += 1
            if looked == 1:
                raise ZeroDivisionError
            draining.begin()
            return await expire(now_ns + HOLD_NS)

        monkeypatch.setattr(inventory, "expire", stumble_once)
        await inventory.reserve("held", 1, 1)
        await expire_now_and_then(inventory, draining, every_s=0.001)
        assert await _heaps(inventory) == (5, 0, 0)

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


def test_the_account_tells_what_was_taken_of_which_product(tmp_path: Path) -> None:
    """The workbench reads it as its own document: the heaps of each product, and each reservation's part of it."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 2, 3)
        pieces = [piece async for piece in document("inventory", inventory, 0)]
        account = Audit.model_validate_json("".join(pieces))
        assert account.parts["product 2"] == {"on_hand": 2, "reserved": 3, "sold": 0}
        assert account.parts["product 1"] == {"on_hand": 5, "reserved": 0, "sold": 0}
        (effect,) = account.effects
        assert (effect.kind, effect.key, effect.part, effect.amount) == ("reservation", "k1", "product 2", 3)
        assert effect.at_wall_ns is not None

    _with_inventory(tmp_path, test)


def test_what_expired_and_was_released_is_not_taken_up_again(tmp_path: Path) -> None:
    """Its order is cancelled by then."""

    async def test(inventory: Inventory) -> None:
        await inventory.reserve("k1", 1, 2)
        await inventory.expire(time.time_ns() + HOLD_NS)
        assert (await inventory.release("k1")).state == "released"
        assert (await inventory.reserve("k1", 1, 2)).state == "released"
        assert await _heaps(inventory) == (5, 0, 0)

    _with_inventory(tmp_path, test)


def test_what_was_released_before_it_was_asked_for_is_never_set_aside(tmp_path: Path) -> None:
    """A compensation can overtake the request that it undoes; nothing was taken, and nothing is told of it."""

    async def test(inventory: Inventory) -> None:
        for _ in range(2):
            assert (await inventory.release("k1")).state == "released"
        late, confirmed = await inventory.reserve("k1", 1, 2), await inventory.confirm("k1")
        assert (late.state, confirmed and confirmed.state) == ("released", "released")
        assert await _heaps(inventory) == (5, 0, 0)
        assert [row async for page in inventory.effects(0) for row in page] == []

    _with_inventory(tmp_path, test)


@pytest.mark.parametrize("key", ["", "a b/../c", "k" * 101])
@pytest.mark.parametrize("method", ["Reserve", "Confirm", "Release"])
def test_a_key_that_is_none_is_refused_over_grpc_too(tmp_path: Path, method: str, key: str) -> None:
    """As over HTTP, with 422; nothing is written down for it."""

    async def test(inventory: Inventory) -> None:
        request = ReserveRequest(key=key, product_id=1, quantity=1) if method == "Reserve" else ReservationKey(key=key)
        with pytest.raises(Problem) as caught:
            await rpc.service(inventory).methods[method](request)
        assert (caught.value.status, caught.value.slug) == (422, "invalid-request")
        count = select(func.count()).select_from(RESERVATIONS)
        assert await inventory._db.read(lambda connection: connection.execute(count).scalar_one()) == 0

    _with_inventory(tmp_path, test)


def test_the_list_refuses_a_cursor_beyond_all_products(tmp_path: Path) -> None:
    """On every database: what is no product's number was not given out."""

    async def test(inventory: Inventory) -> None:
        stock, cursors = StockList(inventory._db), Cursors("stock", int)
        assert (await stock.page(cursors.after(2**31 - 1), 20))["items"] == []
        with pytest.raises(BadCursor):
            await stock.page(cursors.after(2**31), 20)

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
