from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.database import Database
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.payments.domain import SCHEMA, KeyReused, Payments
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench, Step, answer, failed

CAPTURED = answer(201, {"state": "captured"})
DECLINED = answer(402, {"type": "urn:shop:problem:card-declined"})
REFUNDED = answer(200, {"state": "refunded"})


def _with_payments(folder: Path, test: Callable[[Payments, Bench], Awaitable[None]], *provider: Step) -> None:
    async def run(database: Database) -> None:
        bench = Bench(*provider, name="payments:provider", attempts=1)
        await test(Payments(database, bench.edge), bench)

    with_database(folder, SCHEMA, run)


async def _effects(payments: Payments) -> list[object]:
    return [row["key"] async for page in payments.effects(0) for row in page]


def test_a_key_is_captured_once(tmp_path: Path) -> None:
    """Asked again, payments answers the same without asking the provider."""

    async def test(payments: Payments, provider: Bench) -> None:
        first = await payments.capture("k1", "o1", 500, "tok_visa")
        assert await payments.capture("k1", "o1", 500, "tok_visa") == first
        assert first.state == "captured"
        assert len(provider.wire.sent) == 1
        assert await _effects(payments) == ["k1"]

    _with_payments(tmp_path, test, CAPTURED)


def test_a_lost_answer_is_asked_again_under_the_same_key(tmp_path: Path) -> None:
    """The capture stays pending until the provider has told; both requests carry the client's key."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "tok_visa")
        pending = await payments.find("k1")
        assert pending is not None
        assert pending.state == "pending"
        assert await payments.pending() == 1
        assert (await payments.capture("k1", "o1", 500, "tok_visa")).state == "captured"
        assert [headers["idempotency-key"] for _, headers in provider.wire.sent] == ["k1", "k1"]
        assert await payments.pending() == 0

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), CAPTURED)


def test_a_declined_card_is_no_capture(tmp_path: Path) -> None:
    """It is remembered, and takes no money."""

    async def test(payments: Payments, _: Bench) -> None:
        assert (await payments.capture("k1", "o1", 500, "tok_declined")).state == "declined"
        assert await _effects(payments) == []

    _with_payments(tmp_path, test, DECLINED)


def test_a_refund_is_made_once(tmp_path: Path) -> None:
    """The second one finds it done; one of nothing finds nothing."""

    async def test(payments: Payments, provider: Bench) -> None:
        await payments.capture("k1", "o1", 500, "tok_visa")
        states = [capture and capture.state for capture in [await payments.refund(k) for k in ("k1", "k1", "no")]]
        assert states == ["refunded", "refunded", None]
        assert len(provider.wire.sent) == 2

    _with_payments(tmp_path, test, CAPTURED, REFUNDED)


def test_a_key_belongs_to_its_order(tmp_path: Path) -> None:
    """The same key for another order or amount is refused."""

    async def test(payments: Payments, _: Bench) -> None:
        await payments.capture("k1", "o1", 500, "tok_visa")
        for order, amount in (("o2", 500), ("o1", 501)):
            with pytest.raises(KeyReused):
                await payments.capture("k1", order, amount, "tok_visa")

    _with_payments(tmp_path, test, CAPTURED)


def test_planted_idempotency_ignored_captures_twice(tmp_path: Path, planted: None) -> None:
    """The bug: the audit shows two captures under one key."""
    bugs.plant({Bug.IDEMPOTENCY_IGNORED})

    async def test(payments: Payments, provider: Bench) -> None:
        for _ in range(2):
            await payments.capture("k1", "o1", 500, "tok_visa")
        assert await _effects(payments) == ["k1", "k1"]
        assert len({headers["idempotency-key"] for _, headers in provider.wire.sent}) == 2

    _with_payments(tmp_path, test, CAPTURED)
