"""The saga with services that do as the test says, and a real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from target_services.chassis import bugs
from target_services.chassis.ages import Ages
from target_services.chassis.bugs import Bug
from target_services.chassis.database import Database
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.inventory.domain import SCHEMA as STOCK_SCHEMA
from target_services.inventory.domain import Inventory as Stock
from target_services.inventory.domain import OutOfStock
from target_services.orders.model import Order, OrderRequest, State, answer_to
from target_services.orders.remote import Inventory, Payments
from target_services.orders.saga import Saga, Stuck
from target_services.orders.store import OrderStore
from target_services.orders.tables import SCHEMA
from tests.integration.databases import Databases
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench, Step, answer, failed

REQUEST = OrderRequest(customer="c1", product_id=1, quantity=2, unit_price_cents=500, currency="EUR", card="tok_visa")
HELD, CONFIRMED, RELEASED = (answer(200, {"state": state}) for state in ("held", "confirmed", "released"))
CAPTURED = answer(201, {"state": "captured"})
DECLINED = answer(402, {"type": "urn:shop:problem:payment-declined"})
SOLD_OUT = answer(409, {"type": "urn:shop:problem:out-of-stock"})
UNKNOWN_CAPTURE = answer(404, {"type": "urn:shop:problem:unknown-capture"})
LOST = failed(Outcome.CONNECTION_LOST)
REFUSED = failed(Outcome.CONNECT_REFUSED)

REFUND = "POST captures/k1/refund"

SCHEMAS = {"inventory": STOCK_SCHEMA, "orders": SCHEMA}

Steps = Sequence[Step]


class Shop:
    def __init__(self, store: OrderStore, inventory: Steps, payments: Steps, *, attempts: int = 1) -> None:
        self.store = store
        self.inventory = Bench(*inventory, name="orders:inventory", attempts=attempts)
        self.payments = Bench(*payments, attempts=1)
        self.saga = self.saga_that(give_up_s=600)

    def saga_that(self, *, give_up_s: float) -> Saga:
        payments = Payments(self.payments.edge, give_up_s=give_up_s)
        return Saga(self.store, Inventory(self.inventory.edge), payments)

    async def run(self, *, give_up_s: float = 600) -> Order:
        order = await self.store.begin("k1", REQUEST, traceparent=None, run_id=None)
        assert isinstance(order, Order)
        return await self.saga_that(give_up_s=give_up_s).run(order)

    def asked(self) -> list[str]:
        calls = [call for bench in (self.inventory, self.payments) for call, _ in bench.wire.sent]
        return [f"{call.method} {call.path.removeprefix('/v1/')}" for call in calls]


def _with_shop(folder: Path, test: Callable[[Shop], Awaitable[None]], *, inventory: Steps, payments: Steps) -> None:
    async def run(database: Database) -> None:
        await test(Shop(OrderStore(database), inventory, payments))

    with_database(folder, SCHEMA, run)


def test_reserve_pay_confirm(tmp_path: Path) -> None:
    """The good way: three calls, one of them to payments, and a confirmed order."""

    async def test(shop: Shop) -> None:
        order = await shop.run()
        assert answer_to(order)[0] == 201
        assert shop.asked() == ["POST reservations", "POST reservations/k1/confirm", "POST captures"]
        assert {headers["idempotency-key"] for _, headers in shop.payments.wire.sent} == {"k1"}

    _with_shop(tmp_path, test, inventory=[HELD, CONFIRMED], payments=[CAPTURED])


def test_a_declined_payment_puts_the_goods_back(tmp_path: Path) -> None:
    """The order is cancelled, its client hears 402, and there is nothing to refund."""

    async def test(shop: Shop) -> None:
        order = await shop.run()
        assert (order.state, order.reason, answer_to(order)[0]) == (State.CANCELLED, "payment-declined", 402)
        assert shop.asked()[-2:] == ["POST reservations/k1/release", "POST captures"]

    _with_shop(tmp_path, test, inventory=[HELD, RELEASED], payments=[DECLINED])


def test_without_goods_nobody_pays(tmp_path: Path) -> None:
    """Out of stock: cancelled before payments is asked, and inventory knows that nothing is to be set aside."""

    async def test(shop: Shop) -> None:
        order = await shop.run()
        assert (order.state, order.reason, answer_to(order)[0]) == (State.CANCELLED, "out-of-stock", 409)
        assert shop.asked() == ["POST reservations", "POST reservations/k1/release"]

    _with_shop(tmp_path, test, inventory=[SOLD_OUT, RELEASED], payments=[CAPTURED])


def test_goods_that_come_back_are_not_set_aside_for_an_order_that_was_cancelled(tmp_path: Path) -> None:
    """The first attempt is late, the second finds nothing in stock, and the first arrives when the order is final."""

    async def test(stock: Stock, store: OrderStore) -> None:
        async def reserve() -> Answer:
            with pytest.raises(OutOfStock):
                await stock.reserve("k1", 1, 2)
            return SOLD_OUT

        async def release() -> Answer:
            return answer(200, {"state": (await stock.release("k1")).state})

        await stock.fill()
        await stock.reserve("somebody-else", 1, 2)
        shop = Shop(store, [failed(Outcome.TIMEOUT), reserve, release], [CAPTURED], attempts=2)
        assert (await shop.run()).state is State.CANCELLED
        await stock.release("somebody-else")
        assert (await stock.reserve("k1", 1, 2)).state == "released"
        assert (await stock.parts())["product 1"] == {"on_hand": 2, "reserved": 0, "sold": 0}

    async def run() -> None:
        goods, orders = (Database(Databases.url(tmp_path, name), schema) for name, schema in SCHEMAS.items())
        await asyncio.gather(goods.open(), orders.open())
        try:
            await test(Stock(goods, stock_of_each=2), OrderStore(orders))
        finally:
            await asyncio.gather(goods.close(), orders.close())

    asyncio.run(run())


def test_a_release_that_gets_stuck_tells_no_other_reason(tmp_path: Path) -> None:
    """Inventory goes away right after it had nothing in stock: the client is told 409, and the worker releases."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck) as caught:
            await shop.run()
        stuck = await shop.store.enqueue(caught.value.order, after_s=0)
        assert (stuck.shown_state, stuck.reason, answer_to(stuck)[0]) == ("compensating", "out-of-stock", 409)
        (claimed,) = await shop.store.claim(1)
        assert (await shop.saga.run(claimed)).state is State.CANCELLED

    _with_shop(tmp_path, test, inventory=[SOLD_OUT, REFUSED, RELEASED], payments=[CAPTURED])


def test_goods_that_are_gone_after_payment_are_refunded(tmp_path: Path) -> None:
    """The reservation lapsed and confirm is refused: refund, release, cancelled."""

    async def test(shop: Shop) -> None:
        order = await shop.run()
        assert (order.state, order.reason) == (State.CANCELLED, "out-of-stock")
        assert "POST captures/k1/refund" in shop.asked()

    refunded = answer(200, {"state": "refunded"})
    _with_shop(tmp_path, test, inventory=[HELD, SOLD_OUT, RELEASED], payments=[CAPTURED, refunded])


@pytest.mark.parametrize(
    ("found", "state"), [("captured", State.CONFIRMED), ("declined", State.CANCELLED)], ids=["taken", "declined"]
)
def test_a_lost_answer_is_looked_up_by_key(tmp_path: Path, found: str, state: State) -> None:
    """When the capture's answer is lost, what payments knows decides."""

    async def test(shop: Shop) -> None:
        assert (await shop.run()).state is state
        assert [call.path for call, _ in shop.payments.wire.sent] == ["/v1/captures", "/v1/captures/k1"]

    then = CONFIRMED if found == "captured" else RELEASED
    _with_shop(tmp_path, test, inventory=[HELD, then], payments=[LOST, answer(200, {"state": found})])


@pytest.mark.parametrize(
    "found", [UNKNOWN_CAPTURE, answer(200, {"state": "pending"}), LOST], ids=["no", "half", "lost"]
)
def test_what_stays_unknown_is_neither_confirmed_nor_cancelled(tmp_path: Path, found: Answer | AttemptFailed) -> None:
    """The order stays reserved, for the worker to ask again under the same key."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck) as caught:
            await shop.run()
        assert caught.value.order.state is State.RESERVED
        assert caught.value.edge is shop.payments.edge

    _with_shop(tmp_path, test, inventory=[HELD], payments=[LOST, found])


def test_what_never_left_needs_no_lookup(tmp_path: Path) -> None:
    """A refused connection is a definite no, so payments is not asked a second time."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck):
            await shop.run()
        assert len(shop.payments.wire.sent) == 1

    _with_shop(tmp_path, test, inventory=[HELD], payments=[REFUSED])


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Taken up again, a reserved order is not reserved a second time."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck) as caught:
            await shop.run()
        order = await shop.saga.run(caught.value.order)
        assert order.state is State.CONFIRMED
        assert [call.path for call, _ in shop.inventory.wire.sent] == [
            "/v1/reservations",
            "/v1/reservations/k1/confirm",
        ]

    _with_shop(tmp_path, test, inventory=[HELD, CONFIRMED], payments=[REFUSED, CAPTURED])


def test_a_compensation_that_gets_stuck_stays_one(tmp_path: Path) -> None:
    """Inventory away after a declined payment: the order waits as compensating, and its client is told 402."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck) as caught:
            await shop.run()
        stuck = await shop.store.enqueue(caught.value.order, after_s=0)
        assert (stuck.shown_state, answer_to(stuck)[0]) == ("compensating", 402)
        (claimed,) = await shop.store.claim(1)
        assert (await shop.saga.run(claimed)).state is State.CANCELLED

    _with_shop(tmp_path, test, inventory=[HELD, REFUSED, RELEASED], payments=[DECLINED])


def test_compensation_goes_the_other_way(tmp_path: Path) -> None:
    """What was done last is undone first: the money before the goods."""

    async def test(shop: Shop) -> None:
        with pytest.raises(Stuck):
            await shop.run()
        assert shop.asked() == ["POST reservations", "POST reservations/k1/confirm", "POST captures", REFUND]

    _with_shop(tmp_path, test, inventory=[HELD, SOLD_OUT, RELEASED], payments=[CAPTURED, REFUSED])


def test_an_order_that_is_too_old_is_not_paid_for(tmp_path: Path) -> None:
    """Payments is asked by key; it knows of nothing, is told to take nothing any more, and the order is cancelled."""

    async def test(shop: Shop) -> None:
        order = await shop.run(give_up_s=0)
        assert (order.state, order.reason) == (State.CANCELLED, "payment-unavailable")
        assert shop.asked()[-2:] == ["GET captures/k1", REFUND]

    voided = answer(200, {"state": "voided"})
    _with_shop(tmp_path, test, inventory=[HELD, RELEASED], payments=[UNKNOWN_CAPTURE, voided])


def test_a_clock_that_is_set_forward_gives_no_order_up(tmp_path: Path) -> None:
    """An hour of wall time in a second: the order is paid for as any other."""

    async def test(shop: Shop) -> None:
        wall, monotonic = FakeClock(), FakeClock()
        wall.now_s = time.time()
        ages = Ages(lambda: int(wall() * 1e9), lambda: int(monotonic() * 1e9))
        wall.forward(3600)
        monotonic.forward(1)
        payments = Payments(shop.payments.edge, ages=ages)
        order = await shop.store.begin("k1", REQUEST, traceparent=None, run_id=None)
        assert isinstance(order, Order)
        assert (await Saga(shop.store, Inventory(shop.inventory.edge), payments).run(order)).state is State.CONFIRMED

    _with_shop(tmp_path, test, inventory=[HELD, CONFIRMED], payments=[CAPTURED])


def test_an_order_that_is_too_old_and_paid_is_confirmed(tmp_path: Path) -> None:
    """The capture was made although its answer was lost: that is found out before anything is undone."""

    async def test(shop: Shop) -> None:
        assert (await shop.run(give_up_s=0)).state is State.CONFIRMED
        assert shop.asked()[-1] == "GET captures/k1"

    _with_shop(tmp_path, test, inventory=[HELD, CONFIRMED], payments=[answer(200, {"state": "captured"})])


def test_a_key_that_payments_gave_up_cancels_the_order(tmp_path: Path) -> None:
    """Payments says that it takes no money for this key any more; the goods go back."""

    async def test(shop: Shop) -> None:
        order = await shop.run()
        assert (order.state, order.reason, answer_to(order)[0]) == (State.CANCELLED, "payment-voided", 409)

    voided = answer(409, {"type": "urn:shop:problem:payment-voided"})
    _with_shop(tmp_path, test, inventory=[HELD, RELEASED], payments=[voided])


def test_planted_compensation_lost_keeps_the_goods(tmp_path: Path, planted: None) -> None:
    """The bug: a release that failed once is never made, and the order is cancelled all the same."""
    bugs.plant({Bug.COMPENSATION_LOST})

    async def test(shop: Shop) -> None:
        assert (await shop.run()).state is State.CANCELLED
        assert shop.asked().count("POST reservations/k1/release") == 1

    _with_shop(tmp_path, test, inventory=[HELD, REFUSED, RELEASED], payments=[DECLINED])
