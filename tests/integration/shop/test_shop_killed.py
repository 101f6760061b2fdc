"""SIGKILL between any two steps of a service: the order comes to an end that all agree on, and is told once.

Each sweep kills at the first boundary, then at the second, and so on until an order outlives the number; so it
tries every one there is, also those that somebody adds later. A service does several things at a time, and so a
boundary can be the fourth of one order and the third of the next: whichever was passed and was nobody's death is
tried by its name.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from target_services.goods import COUNT, STOCK_OF_EACH
from tests.integration.shop.dying import NEVER, DyingShop
from tests.integration.shop.stack import Reply, wait_until

pytestmark = pytest.mark.timeout(1200)

CHECKOUT = ("provider", "payments", "inventory", "notifications", "orders")


class Sweep:
    """Kills one service at each of its boundaries in turn, with an order of its own each time."""

    def __init__(self, shop: DyingShop, *, card: str = "tok_visa", stock_of_each: int = STOCK_OF_EACH) -> None:
        self.shop = shop
        self.card = card
        self.stock_of_each = stock_of_each
        self.deaths: list[str] = []
        self.passed: set[str] = set()

    def run(self) -> None:
        for boundary in itertools.count(1):
            if self.outlives(boundary):
                break
        for name in sorted(self.passed - set(self.deaths)):
            self.outlives(name)

    def outlives(self, boundary: int | str) -> bool:
        """Place an order whose service dies at a boundary, and see what becomes of it."""
        key = str(uuid.uuid4())
        self.shop.arm(boundary)
        self._try(key)
        wait_until("the order to end, or the service to die", lambda: self.shop.is_dead() or self._has_ended(key))
        self.passed.update(self.shop.disarm())
        dead = self.shop.is_dead()
        if dead:
            self.deaths.append(self.shop.died_at())
            self.shop.revive()
        self.follow(key)
        return not dead

    def follow(self, key: str) -> None:
        """Do as a client does who was not answered: ask again with the same key. Then everybody has to agree."""
        answer = wait_until(f"an answer after {self.deaths[-1:]}", lambda: self._try(key))
        assert answer.status in (201, 202, 402, 409), answer
        self.shop.settle()
        state = self.agreed(key)
        assert state in {"confirmed", "cancelled"}
        if answer.status == 201:
            assert state == "confirmed"
        if answer.status in (402, 409):
            assert state == "cancelled"

    def agreed(self, key: str) -> str:
        """Return the state of the order, having seen that its goods and its money are where that says."""
        (order,) = (row for row in self.shop.audit("orders")["records"] if row["key"] == key)
        where = {
            service: [row["state"] for row in self.shop.audit(service)["effects"] if row["key"] == key]
            for service in ("inventory", "payments", "provider")
        }
        told = [row["key"] for row in self.shop.audit("notifications")["effects"]].count(key)
        assert order["terminal"]
        said = f"{order['state']} after {self.deaths[-1:]}, but {where} and told {told} times"
        if order["state"] == "confirmed":
            assert where == {"inventory": ["confirmed"], "payments": ["captured"], "provider": ["captured"]}, said
        else:
            assert where["inventory"] in ([], ["released"], ["expired"]), said
            assert where["payments"] in ([], ["refunded"]), said
            assert where["provider"] == where["payments"], said
        assert told == (order["state"] == "confirmed"), said
        return str(order["state"])

    def books_agree(self) -> None:
        """Nothing was lost or made over all trials."""
        orders, inventory, payments, provider = (
            self.shop.audit(service)["totals"] for service in ("orders", "inventory", "payments", "provider")
        )
        assert inventory["on_hand"] + inventory["sold"] == COUNT * self.stock_of_each
        assert inventory["reserved"] == 0
        assert payments["captured_cents"] - payments["refunded_cents"] == orders["confirmed_cents"]
        assert (payments["captured_cents"], payments["refunded_cents"]) == (
            provider["captured_cents"],
            provider["refunded_cents"],
        )
        assert payments["ledger_cents"] == 0
        assert orders["confirmed_cents"] == inventory["sold"] * self.shop.price(1)
        assert orders["outbox"] == 0

    def _try(self, key: str) -> Reply | None:
        with suppress(OSError, HTTPException):
            reply = self.shop.order(key, service="orders", card=self.card)
            in_progress = reply.status == 409 and reply.body["type"].endswith("idempotency-in-progress")
            return None if in_progress or reply.status >= 500 else reply
        return None

    def _has_ended(self, key: str) -> bool:
        with suppress(OSError, HTTPException):
            orders = self.shop.audit("orders")
            ended = any(row["key"] == key and row["terminal"] for row in orders["records"])
            return ended and orders["totals"]["outbox"] == 0
        return False


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[DyingShop]:
    shop = DyingShop(tmp_path)
    yield shop
    shop.close()


on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
"""For what is about the sweep itself, and not about what a database does."""


def _sweep(shop: DyingShop, mortal: str, *, card: str = "tok_visa", stock_of_each: int = STOCK_OF_EACH) -> Sweep:
    shop.mortal = mortal
    shop.extra["inventory"] = {"INVENTORY_STOCK_OF_EACH": str(stock_of_each)}
    shop.start(*CHECKOUT)
    sweep = Sweep(shop, card=card, stock_of_each=stock_of_each)
    sweep.run()
    sweep.books_agree()
    return sweep


def _writes(*names: str) -> list[str]:
    return [f"{name}: {when}" for name in names for when in ("before", "not yet committed", "committed")]


def _asks(name: str) -> list[str]:
    return [f"{name}: before", f"{name}: answered"]


BEGIN, ADVANCE, BACK = (_writes(f"OrderStore.{name}") for name in ("begin", "advance", "go_back"))
RESERVE, PAY = _asks("POST /v1/reservations"), _asks("POST /v1/captures")
CONFIRM, RELEASE, REFUND = (
    _asks(f"POST /v1/{what}")
    for what in ("reservations/key/confirm", "reservations/key/release", "captures/key/refund")
)


def test_orders_killed_on_the_good_way(shop: DyingShop) -> None:
    """Eighteen boundaries from the request to the confirmed order; whatever comes after that is tried as well."""
    sweep = _sweep(shop, "orders")
    expected = BEGIN + RESERVE + ADVANCE + PAY + ADVANCE
    assert set(expected) <= set(sweep.deaths)
    assert len(sweep.deaths) >= 18


def test_orders_killed_while_it_compensates_a_declined_payment(shop: DyingShop) -> None:
    """The goods go back once, and the order is cancelled."""
    sweep = _sweep(shop, "orders", card="tok_declined")
    expected = BEGIN + RESERVE + ADVANCE + PAY + BACK
    assert set(expected + RELEASE) <= set(sweep.deaths)
    assert len(sweep.deaths) >= 18


def test_orders_killed_while_it_cancels_for_want_of_goods(shop: DyingShop) -> None:
    """Nothing was set aside, and it is released all the same."""
    sweep = _sweep(shop, "orders", stock_of_each=0)
    assert set(BEGIN + RESERVE + BACK + RELEASE) <= set(sweep.deaths)
    assert len(sweep.deaths) >= 13


def test_orders_killed_while_it_refunds_and_releases(shop: DyingShop) -> None:
    """The goods are gone when they are to be sold: the money goes back before the reservation does."""
    shop.goods_are_gone = True
    sweep = _sweep(shop, "orders")
    assert set(CONFIRM + REFUND + RELEASE) <= set(sweep.deaths)
    assert len(sweep.deaths) >= 28


def test_orders_killed_while_its_worker_works(shop: DyingShop) -> None:
    """Orders that were queued at once, and so are finished by nobody but the worker."""
    flags = shop.folder / "flags.json"
    flags.write_text('{"new-checkout-flow": true}')
    shop.extra["orders"] = {"FLAGS_FILE": str(flags)}
    sweep = _sweep(shop, "orders")
    assert set(_writes("OrderStore.claim")) <= set(sweep.deaths)
    assert len(sweep.deaths) >= 21


@pytest.mark.parametrize(
    ("card", "goods_are_gone", "boundaries"),
    [("tok_visa", False, 8), ("tok_declined", False, 8), ("tok_visa", True, 13)],
    ids=["captured", "declined", "refunded"],
)
def test_payments_killed(shop: DyingShop, card: str, goods_are_gone: bool, boundaries: int) -> None:
    """Captures, refusals and refunds have one effect each, and the ledger agrees."""
    shop.goods_are_gone = goods_are_gone
    sweep = _sweep(shop, "payments", card=card)
    assert len(sweep.deaths) >= boundaries


@pytest.mark.parametrize("card", ["tok_visa", "tok_declined"], ids=["sold", "released"])
def test_inventory_killed(shop: DyingShop, card: str) -> None:
    """Goods are set aside once, and sold or put back once."""
    sweep = _sweep(shop, "inventory", card=card)
    assert len(sweep.deaths) >= 6


def test_notifications_killed(shop: DyingShop) -> None:
    """A message that was delivered is sent to the customer once, whoever knows of it."""
    assert len(_sweep(shop, "notifications").deaths) >= 3


def test_provider_killed(shop: DyingShop) -> None:
    """A charge is made once, whatever its caller has heard of it."""
    assert len(_sweep(shop, "provider").deaths) >= 3


@on_sqlite
def test_planted_outbox_outside_loses_a_message(shop: DyingShop) -> None:
    """The check above can fail: after the commit and before the other one, the order is confirmed and nobody hears."""
    shop.bugs, shop.mortal = "outbox-outside", "orders"
    shop.start(*CHECKOUT)
    with pytest.raises(AssertionError, match=r"confirmed after .*advance: committed.* told 0 times"):
        Sweep(shop).outlives("OrderStore.advance: committed#3")  # of reserved, paid and confirmed


@on_sqlite
def test_planted_compensation_lost_keeps_the_goods(shop: DyingShop) -> None:
    """The check above can fail: inventory dies before the release, and nobody asks again."""
    shop.bugs, shop.mortal = "compensation-lost", "inventory"
    shop.start(*CHECKOUT)
    sweep = Sweep(shop, card="tok_declined")
    with pytest.raises(AssertionError, match=r"cancelled after .*'inventory': \['held'\]"):
        sweep.outlives("Inventory.release: before")


@on_sqlite
def test_nobody_dies_by_chance(shop: DyingShop) -> None:
    """Armed for later than anything happens, an order passes all boundaries and lives."""
    shop.mortal = "orders"
    shop.start(*CHECKOUT)
    assert Sweep(shop).outlives(NEVER)
