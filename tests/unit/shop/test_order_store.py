from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from target_services.chassis.database import Database
from target_services.chassis.idempotency import Known
from target_services.orders.account import OrderAccount
from target_services.orders.model import Order, OrderRequest, State
from target_services.orders.saga_log import Step, asked, done, refused, undone
from target_services.orders.store import FARTHEST_NS, LEASE_NS, LeaseLost, OrderStore
from target_services.orders.tables import SCHEMA
from tests.unit.shop.databases import with_database

REQUEST = OrderRequest(customer="c1", product_id=1, quantity=2, unit_price_cents=500, currency="EUR", card="tok_visa")


def _with_store(folder: Path, test: Callable[[OrderStore, Database], Awaitable[None]]) -> None:
    with_database(folder, SCHEMA, lambda database: test(OrderStore(database), database))


async def _begin(store: OrderStore, key: str = "k1", request: OrderRequest = REQUEST) -> Order:
    begun = await store.begin(key, request, traceparent="00-ab-cd-01", run_id="r1")
    assert isinstance(begun, Order)
    return begun


def _later(monkeypatch: pytest.MonkeyPatch, ns: int) -> None:
    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + ns)


def test_a_key_begins_one_order(tmp_path: Path) -> None:
    """Ten requests with one key at once: one order, nine that find it in progress."""

    async def test(store: OrderStore, _: Database) -> None:
        begun = await asyncio.gather(*(store.begin("k1", REQUEST, traceparent=None, run_id=None) for _ in range(10)))
        assert sum(isinstance(one, Order) for one in begun) == 1
        assert [one for one in begun if isinstance(one, Known)] == [Known(True, None, None)] * 9

    _with_store(tmp_path, test)


def test_another_request_under_the_same_key_is_recognised(tmp_path: Path) -> None:
    """Other goods, or another customer."""

    async def test(store: OrderStore, _: Database) -> None:
        await _begin(store)
        for other in (replace(REQUEST, quantity=3), replace(REQUEST, customer="c2")):
            known = await store.begin("k1", other, traceparent=None, run_id=None)
            assert isinstance(known, Known)
            assert not known.same_request

    _with_store(tmp_path, test)


def test_the_answer_to_a_key_is_given_once_and_kept(tmp_path: Path) -> None:
    """An order answered as queued stays answered so, also when it is confirmed later."""

    async def test(store: OrderStore, _: Database) -> None:
        order = await store.enqueue(await _begin(store), after_s=0)
        (claimed,) = await store.claim(10)
        assert claimed == replace(order, tries=1)
        await store.advance(claimed, State.CONFIRMED)
        known = await store.begin("k1", REQUEST, traceparent=None, run_id=None)
        assert isinstance(known, Known)
        assert known.status == 202
        assert known.body is not None
        assert json.loads(known.body)["state"] == "queued"
        found = await store.find(order.id, "c1")
        assert found is not None
        assert found.shown_state == "confirmed"

    _with_store(tmp_path, test)


def test_an_order_is_changed_only_from_the_state_that_was_seen(tmp_path: Path) -> None:
    """A second change from an outdated state is refused."""

    async def test(store: OrderStore, _: Database) -> None:
        order = await _begin(store)
        await store.advance(order, State.RESERVED)
        with pytest.raises(LeaseLost):
            await store.advance(order, State.RESERVED)

    _with_store(tmp_path, test)


def test_a_leased_order_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes it up only when the lease is over, and from then on the first one cannot change it."""

    async def test(store: OrderStore, database: Database) -> None:
        order, other = await _begin(store), OrderStore(database)
        assert await other.claim(10) == []
        _later(monkeypatch, LEASE_NS + 1)
        (taken,) = await other.claim(10)
        assert taken.id == order.id
        with pytest.raises(LeaseLost):
            await store.advance(order, State.RESERVED)
        await other.advance(taken, State.RESERVED)

    _with_store(tmp_path, test)


def test_the_longest_waiting_are_claimed_first_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five are due; two claims of three get all five, none twice, none that is final or not due yet."""

    async def test(store: OrderStore, _: Database) -> None:
        for number in range(5):
            await store.enqueue(await _begin(store, f"k{number}"), after_s=number / 1000)
        await store.enqueue(await _begin(store, "later"), after_s=60)
        await store.advance(await _begin(store, "final"), State.CANCELLED)
        _later(monkeypatch, 1_000_000_000)
        first, second = await store.claim(3), await store.claim(3)
        assert {order.key for order in first} == {"k0", "k1", "k2"}
        assert {order.key for order in second} == {"k3", "k4"}

    _with_store(tmp_path, test)


def test_workers_of_several_processes_share_what_is_due(tmp_path: Path) -> None:
    """Thirty orders and six workers that claim at once, again and again: each order is claimed once."""

    async def test(store: OrderStore, database: Database) -> None:
        for number in range(30):
            await store.enqueue(await _begin(store, f"k{number}"), after_s=0)
        workers = [OrderStore(database) for _ in range(6)]
        claimed: list[str] = []
        while found := [order for orders in await asyncio.gather(*(w.claim(3) for w in workers)) for order in orders]:
            claimed += [order.key for order in found]
        assert sorted(claimed) == sorted(f"k{number}" for number in range(30))

    _with_store(tmp_path, test)


def test_only_its_customer_finds_an_order(tmp_path: Path) -> None:
    """Somebody else's order is not there."""

    async def test(store: OrderStore, _: Database) -> None:
        order = await _begin(store)
        assert await store.find(order.id, "c1") == order
        assert await store.find(order.id, "c2") is None

    _with_store(tmp_path, test)


def test_a_clock_that_goes_back_keeps_no_order_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases and waits that were written an hour ahead of now are over, and whoever held them cannot go on."""

    async def test(store: OrderStore, _: Database) -> None:
        leased, queued = await _begin(store, "leased"), await _begin(store, "queued")
        await store.enqueue(queued, after_s=4)
        assert await store.claim(10) == []
        _later(monkeypatch, -3_600_000_000_000)
        assert {order.key for order in await store.claim(10)} == {"leased", "queued"}
        with pytest.raises(LeaseLost):
            await store.advance(leased, State.RESERVED)

    _with_store(tmp_path, test)


def test_a_clock_that_goes_back_a_little_does_not_end_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than what tells a clock that went back from one that is corrected."""

    async def test(store: OrderStore, _: Database) -> None:
        await _begin(store)
        _later(monkeypatch, LEASE_NS - FARTHEST_NS)
        assert await store.claim(10) == []

    _with_store(tmp_path, test)


def test_an_order_for_the_worker_is_answered_when_it_is_begun(tmp_path: Path) -> None:
    """Queued at once: its key has its answer, and it is due."""

    async def test(store: OrderStore, _: Database) -> None:
        order = await store.begin("k1", REQUEST, traceparent=None, run_id=None, queued=True)
        assert isinstance(order, Order)
        known = await store.begin("k1", REQUEST, traceparent=None, run_id=None)
        assert isinstance(known, Known)
        assert known.status == 202
        (claimed,) = await store.claim(10)
        assert claimed.id == order.id

    _with_store(tmp_path, test)


def test_what_has_to_be_undone_is_in_the_log(tmp_path: Path) -> None:
    """What was asked for and not refused, the last first; with nothing left the order is cancelled and answered."""

    async def test(store: OrderStore, _: Database) -> None:
        order = await store.advance(await _begin(store), State.RESERVED, done(Step.RESERVE), asked(Step.PAY))
        order = await store.advance(order, State.PAID, done(Step.PAY), asked(Step.CONFIRM))
        order = await store.go_back(order, refused(Step.CONFIRM), reason="out-of-stock")
        for step in (Step.PAY, Step.RESERVE):
            assert order.state is State.COMPENSATING
            assert (await store.left_to_undo(order))[0] is step
            order = await store.go_back(order, undone(step))
        assert (order.state, order.reason) == (State.CANCELLED, "out-of-stock")
        known = await store.begin("k1", REQUEST, traceparent=None, run_id=None)
        assert isinstance(known, Known)
        assert known.status == 409

    _with_store(tmp_path, test)


def test_the_audit_tells_every_order_and_what_is_pending(tmp_path: Path) -> None:
    """Over more than one page, each once, with the states that clients see; older ones can be left out."""

    async def test(store: OrderStore, database: Database) -> None:
        account = OrderAccount(database)
        before = await _begin(store, "before")
        since_ns = time.time_ns()
        for number in range(1005):
            order = await _begin(store, f"k{number}")
            if number % 2:
                await store.advance(order, State.CONFIRMED)
        records = [row async for page in account.records(since_ns) for row in page]
        assert len({row["id"] for row in records}) == len(records) == 1005
        assert {row["trace_id"] for row in records} == {"ab"}
        assert sum(bool(row["terminal"]) for row in records) == 502
        effects = [row async for page in account.effects(0) for row in page]
        assert effects[0] == {"kind": "order", "key": "before", "id": before.id, "state": "pending"}
        assert len(effects) == 1006
        assert await account.pending() == 504
        assert await account.totals() == {"confirmed_cents": 502 * 1000, "outbox": 502}

    _with_store(tmp_path, test)
