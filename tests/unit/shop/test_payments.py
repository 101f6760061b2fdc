from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.database import Database
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.payments.domain import Payments
from target_services.payments.reconciler import Reconciler
from target_services.payments.store import CaptureStore, KeyReused
from target_services.payments.tables import SCHEMA
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench, Step, answer, failed

CAPTURED = answer(201, {"state": "captured"})
DECLINED = answer(402, {"type": "urn:shop:problem:card-declined"})
UNKNOWN = answer(404, {"type": "urn:shop:problem:unknown-charge"})
REFUNDED = answer(200, {"state": "refunded"})


def _with_payments(folder: Path, test: Callable[[Payments, Bench], Awaitable[None]], *provider: Step) -> None:
    async def run(database: Database) -> None:
        bench = Bench(*provider, name="payments:provider", attempts=1)
        await test(Payments(CaptureStore(database), bench.edge), bench)

    with_database(folder, SCHEMA, run)


async def _effects(payments: Payments) -> list[object]:
    return [row["key"] async for page in payments._store.effects(0) for row in page]


def test_a_key_is_captured_once(tmp_path: Path) -> None:
    """Asked again, payments answers the same without asking the provider."""

    async def test(payments: Payments, provider: Bench) -> None:
        first = await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        assert await payments.capture("k1", "o1", 500, "EUR", "tok_visa") == first
        assert first.state == "captured"
        assert len(provider.wire.sent) == 1
        assert await _effects(payments) == ["k1"]

    _with_payments(tmp_path, test, CAPTURED)


def test_a_lost_answer_is_asked_again_under_the_same_key(tmp_path: Path) -> None:
    """The capture stays pending until the provider has told; both requests carry the client's key."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        pending = await payments.find("k1")
        assert pending is not None
        assert pending.state == "pending"
        assert await payments._store.pending() == 1
        assert (await payments.capture("k1", "o1", 500, "EUR", "tok_visa")).state == "captured"
        assert [headers["idempotency-key"] for _, headers in provider.wire.sent] == ["k1", "k1"]
        assert await payments._store.pending() == 0

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), CAPTURED)


def test_a_declined_card_is_no_capture(tmp_path: Path) -> None:
    """It is remembered, and takes no money."""

    async def test(payments: Payments, _: Bench) -> None:
        assert (await payments.capture("k1", "o1", 500, "EUR", "tok_declined")).state == "declined"
        assert await _effects(payments) == []

    _with_payments(tmp_path, test, DECLINED)


def test_a_refund_is_made_once(tmp_path: Path) -> None:
    """The second one finds it done."""

    async def test(payments: Payments, provider: Bench) -> None:
        await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        assert [(await payments.refund("k1")).state for _ in range(2)] == ["refunded", "refunded"]
        assert len(provider.wire.sent) == 2
        totals = await payments._store.totals()
        assert totals == {"captured_cents": 500, "refunded_cents": 500, "ledger_cents": 0}

    _with_payments(tmp_path, test, CAPTURED, REFUNDED)


def test_a_key_belongs_to_its_order(tmp_path: Path) -> None:
    """The same key for another order, amount or card is refused."""

    async def test(payments: Payments, _: Bench) -> None:
        await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        for order, amount, card in (("o2", 500, "tok_visa"), ("o1", 501, "tok_visa"), ("o1", 500, "tok_other")):
            with pytest.raises(KeyReused):
                await payments.capture("k1", order, amount, "EUR", card)

    _with_payments(tmp_path, test, CAPTURED)


def test_a_capture_that_comes_after_its_refund_is_refused(tmp_path: Path) -> None:
    """Nothing was ever asked for under this key; from now on nothing is taken, and the provider is not asked."""

    async def test(payments: Payments, provider: Bench) -> None:
        assert (await payments.refund("k1")).state == "voided"
        assert (await payments.capture("k1", "o1", 500, "EUR", "tok_visa")).state == "voided"
        assert provider.wire.sent == []
        assert await _effects(payments) == []

    _with_payments(tmp_path, test, CAPTURED)


@pytest.mark.parametrize(("told", "captured_cents"), [("voided", 0), ("refunded", 500), ("declined", 0)])
def test_a_refund_of_what_is_pending_asks_the_provider(tmp_path: Path, told: str, captured_cents: int) -> None:
    """What the provider says is what happened; money that was taken and given back is in the books as both."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        assert (await payments.refund("k1")).state == told
        assert [call.path for call, _ in provider.wire.sent] == ["/v1/charges", "/v1/charges/k1/refund"]
        totals = await payments._store.totals()
        assert totals == {"captured_cents": captured_cents, "refunded_cents": captured_cents, "ledger_cents": 0}

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), answer(200, {"state": told}))


def test_a_late_answer_does_not_undo_a_refund(tmp_path: Path) -> None:
    """The capture was given up while the provider worked on it: whoever settles second changes nothing."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        pending = await payments.find("k1")
        assert pending is not None
        await payments.refund("k1")
        assert (await payments._store.settle(pending, "captured")).state == "refunded"
        assert await payments._store.totals() == {"captured_cents": 500, "refunded_cents": 500, "ledger_cents": 0}

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), REFUNDED)


@pytest.mark.parametrize(
    ("void_after_s", "script", "state"),
    [
        (900, [CAPTURED], "captured"),
        (900, [DECLINED], "declined"),
        (900, [UNKNOWN], "pending"),
        (0, [UNKNOWN, answer(200, {"state": "voided"})], "voided"),
        (0, [CAPTURED], "captured"),
    ],
    ids=["taken", "declined", "unknown yet", "never to be", "old and taken"],
)
def test_a_capture_whose_caller_has_gone_is_reconciled(
    tmp_path: Path, void_after_s: float, script: list[Step], state: str
) -> None:
    """The provider is asked by key what became of it; what it does not know for long is fenced off."""

    async def test(payments: Payments, _: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        await Reconciler(payments._store, payments, after_s=0, void_after_s=void_after_s).round()
        found = await payments.find("k1")
        assert found is not None
        assert found.state == state

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), *script)


def test_captures_left_pending_are_found_when_the_clock_went_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was begun an hour ahead of now is asked about; it is not voided for that."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        now_ns = time.time_ns()
        monkeypatch.setattr(time, "time_ns", lambda: now_ns - 3_600_000_000_000)
        await Reconciler(payments._store, payments).round()
        assert [call.method for call, _ in provider.wire.sent] == ["POST", "GET"]

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), UNKNOWN)


def test_planted_idempotency_ignored_captures_twice(tmp_path: Path, planted: None) -> None:
    """The bug: the audit shows two captures under one key."""
    bugs.plant({Bug.IDEMPOTENCY_IGNORED})

    async def test(payments: Payments, provider: Bench) -> None:
        for _ in range(2):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        assert await _effects(payments) == ["k1", "k1"]
        assert len({headers["idempotency-key"] for _, headers in provider.wire.sent}) == 2

    _with_payments(tmp_path, test, CAPTURED)
