"""Orders as they are taken, and as the worker finishes them, on a real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer
from structlog.testing import capture_logs

from target_services.chassis.database import Database
from target_services.chassis.problems import Problem
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.goods import price_list
from target_services.orders import domain
from target_services.orders.domain import Orders
from target_services.orders.model import Order, OrderRequest
from target_services.orders.saga import Saga, Stuck
from target_services.orders.store import LEASE_NS, OrderStore
from target_services.orders.tables import SCHEMA
from target_services.orders.worker import AT_ONCE, PAUSE_S, Worker
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench
from tests.unit.shop.test_saga import CAPTURED, CONFIRMED, HELD, REFUSED, Shop, Steps

PRODUCT, *OTHERS = price_list()
REQUEST = OrderRequest("c1", PRODUCT.id, 1, PRODUCT.price_cents, "EUR", "tok_visa")


def _with_shop(
    folder: Path, test: Callable[[Shop, Orders], Awaitable[None]], *, inventory: Steps, payments: Steps
) -> None:
    async def run(database: Database) -> None:
        shop = Shop(OrderStore(database), inventory, payments)
        await test(shop, Orders(shop.store, shop.saga))

    with_database(folder, SCHEMA, run)


def _with_store(folder: Path, test: Callable[[OrderStore, Database], Awaitable[None]]) -> None:
    with_database(folder, SCHEMA, lambda database: test(OrderStore(database), database))


async def _problem(orders: Orders, key: str, request: OrderRequest = REQUEST) -> str | None:
    with pytest.raises(Problem) as caught:
        await orders.place(key, request)
    return caught.value.slug


def _selling(monkeypatch: pytest.MonkeyPatch, shop: Shop, *, price_cents: int | None) -> Orders:
    """Return orders after a change of the price list. None: the product is no longer sold."""
    sold = (replace(PRODUCT, price_cents=price_cents),) if price_cents is not None else ()
    monkeypatch.setattr(domain, "price_list", lambda: (*sold, *OTHERS))
    return Orders(shop.store, shop.saga)


@pytest.mark.parametrize(
    ("price_cents", "slug"), [(PRODUCT.price_cents + 1, "price-changed"), (None, "unknown-product")]
)
def test_what_was_answered_is_answered_so_at_any_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, price_cents: int | None, slug: str
) -> None:
    """A replay is no new order; only a new key is held against the price list."""

    async def test(shop: Shop, orders: Orders) -> None:
        first = await orders.place("k1", REQUEST)
        assert (first.status, first.replayed) == (201, False)
        changed = _selling(monkeypatch, shop, price_cents=price_cents)
        assert (await changed.place("k1", REQUEST)).status == 201
        assert await changed.place("k1", REQUEST) == await orders.place("k1", REQUEST)
        assert await _problem(changed, "k2") == slug
        assert await _problem(changed, "k1", replace(REQUEST, quantity=2)) == "idempotency-key-reused"

    _with_shop(tmp_path, test, inventory=[HELD, CONFIRMED], payments=[CAPTURED])


def test_a_key_in_progress_is_so_at_any_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its order will be finished, and then has its answer."""

    async def test(shop: Shop, _: Orders) -> None:
        await shop.store.begin("k1", REQUEST, traceparent=None, run_id=None)
        changed = _selling(monkeypatch, shop, price_cents=None)
        assert await _problem(changed, "k1") == "idempotency-in-progress"

    _with_shop(tmp_path, test, inventory=[HELD], payments=[CAPTURED])


def _leases_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    then_ns = time.time_ns() + LEASE_NS + 1
    monkeypatch.setattr(time, "time_ns", lambda: then_ns)


def test_an_order_that_gets_stuck_when_somebody_else_has_it_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Payments takes longer than the lease and then cannot be had: the worker goes on, and its client is told 202."""

    async def test(shop: Shop, orders: Orders) -> None:
        other = OrderStore(shop.store._db)

        async def late() -> Answer:
            _leases_are_over(monkeypatch)
            assert len(await other.claim(1)) == 1
            raise REFUSED

        shop.payments.wire.script[:] = [late]
        placed = await orders.place("k1", REQUEST)
        assert (placed.status, '"state": "reserved"' in placed.body) == (202, True)

    _with_shop(tmp_path, test, inventory=[HELD], payments=[CAPTURED])


class FakeSaga:
    """Does with each order what the test says, by its key."""

    def __init__(self, **does: Callable[[Order], Awaitable[Order]]) -> None:
        self.does = does

    async def run(self, order: Order) -> Order:
        return await self.does[order.key](order)


async def _begin(store: OrderStore, *keys: str) -> None:
    for key in keys:
        await store.begin(key, REQUEST, traceparent=None, run_id=None, queued=True)


def _worker(store: OrderStore, **does: Callable[[Order], Awaitable[Order]]) -> Worker:
    saga: Saga = FakeSaga(**does)  # type: ignore[assignment]
    return Worker(store, saga, NoOpTracer(), per_second=1000)


def test_what_goes_wrong_with_one_order_is_not_the_others_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is stuck and somebody else's by then, one stumbles over a mistake: the third is waited for all the same."""

    async def test(store: OrderStore, database: Database) -> None:
        bench = Bench()
        both_failed = asyncio.Barrier(3)

        async def lost(order: Order) -> Order:
            _leases_are_over(monkeypatch)
            assert order.key in {other.key for other in await OrderStore(database).claim(AT_ONCE)}
            await both_failed.wait()
            failure = CallFailed("orders:payments", "c1", Outcome.TIMEOUT, attempts=1, may_have_acted=True)
            raise Stuck(order, bench.edge, failure)

        async def mistaken(_: Order) -> Order:
            await both_failed.wait()
            raise RuntimeError("a mistake")

        ended: list[str] = []

        async def slow(order: Order) -> Order:
            await both_failed.wait()
            await store.find(order.id, order.customer)
            ended.append(order.key)
            return order

        await _begin(store, "lost", "mistaken", "slow")
        with capture_logs() as logs:
            assert await _worker(store, lost=lost, mistaken=mistaken, slow=slow)._round() == PAUSE_S
        assert ended == ["slow"]
        (said,) = (line for line in logs if line["log_level"] == "error")
        assert (said["event"], said["exc_info"]) == ("the worker stumbled over an order", True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    _with_store(tmp_path, test)


def test_a_worker_that_has_to_leave_leaves_its_orders(tmp_path: Path) -> None:
    """Cancelled, it takes its tries along: none goes on by itself."""

    async def test(store: OrderStore, _: Database) -> None:
        trying = asyncio.Barrier(3)

        async def forever(order: Order) -> Order:
            await trying.wait()
            await asyncio.Event().wait()
            return order

        await _begin(store, "k1", "k2")
        task = asyncio.create_task(_worker(store, k1=forever, k2=forever)._round())
        await trying.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    _with_store(tmp_path, test)
