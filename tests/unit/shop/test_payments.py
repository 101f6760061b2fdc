from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from target_services.chassis import bugs
from target_services.chassis.ages import Ages
from target_services.chassis.bugs import Bug
from target_services.chassis.database import Database
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.payments.domain import Payments
from target_services.payments.reconciler import AT_ONCE, Reconciler
from target_services.payments.store import CaptureStore, KeyReused
from target_services.payments.tables import SCHEMA
from tests.unit.shop.clocks import FakeClock
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


def test_a_clock_that_is_set_forward_voids_nothing(tmp_path: Path) -> None:
    """Half an hour of wall time in no time: the capture is neither left pending nor given up before its time."""

    async def test(payments: Payments, provider: Bench) -> None:
        with pytest.raises(CallFailed):
            await payments.capture("k1", "o1", 500, "EUR", "tok_visa")
        wall, monotonic = FakeClock(), FakeClock()
        wall.now_s = time.time()
        ages = Ages(lambda: int(wall() * 1e9), lambda: int(monotonic() * 1e9))
        reconciler = Reconciler(payments._store, payments, ages=ages)

        async def methods_after(seconds: float) -> list[str]:
            for clock in (wall, monotonic):
                clock.forward(seconds)
            await reconciler.round()
            return [call.method for call, _ in provider.wire.sent]

        wall.forward(1800)
        assert await methods_after(0) == ["POST"]
        assert await methods_after(60) == ["POST", "GET"]
        assert await methods_after(900) == ["POST", "GET", "GET", "POST"]

    _with_payments(tmp_path, test, failed(Outcome.TIMEOUT), UNKNOWN, UNKNOWN, answer(200, {"state": "voided"}))


def test_money_that_was_given_back_while_its_capture_was_written_down_is_booked_as_both(tmp_path: Path) -> None:
    """The provider takes the money, gives it back, and is heard in this order: the books say the same."""
    charging, unanswered = asyncio.Event(), asyncio.Event()

    async def charge() -> Answer:
        charging.set()
        await unanswered.wait()
        return CAPTURED

    async def test(payments: Payments, provider: Bench) -> None:
        capturing = asyncio.create_task(payments.capture("k1", "o1", 500, "EUR", "tok_visa"))

        async def give_back() -> Answer:
            unanswered.set()
            assert (await capturing).state == "captured"
            return REFUNDED

        provider.wire.script.append(give_back)
        await charging.wait()
        pending = await payments.find("k1")
        assert pending is not None
        assert (await payments.void(pending)).state == "refunded"
        assert await payments.find("k1") == replace(pending, state="refunded")
        assert await payments._store.totals() == {"captured_cents": 500, "refunded_cents": 500, "ledger_cents": 0}

    _with_payments(tmp_path, test, charge)


async def _leave_pending(payments: Payments, count: int) -> None:
    for number in range(count):
        await payments._store.begin(f"k{number}", "", "o1", 500, "EUR")


def _asked_about(provider: Bench) -> list[str]:
    return [call.path.removeprefix("/v1/charges/") for call, _ in provider.wire.sent]


@pytest.mark.parametrize(
    "first", [answer(200, {"state": "disputed"}), failed(Outcome.SERVER_ERROR)], ids=["makes no sense", "fails"]
)
def test_a_capture_that_cannot_be_reconciled_is_in_nobodys_way(tmp_path: Path, first: Step) -> None:
    """The one after it is asked about in the same round, and it is asked about again in the next one."""

    async def test(payments: Payments, provider: Bench) -> None:
        await _leave_pending(payments, 2)
        reconciler = Reconciler(payments._store, payments, after_s=0)
        await reconciler.round()
        assert [getattr(await payments.find(key), "state", None) for key in ("k0", "k1")] == ["pending", "captured"]
        await reconciler.round()
        assert _asked_about(provider) == ["k0", "k1", "k0"]

    _with_payments(tmp_path, test, first, CAPTURED)


def test_captures_that_stay_pending_are_in_nobodys_way(tmp_path: Path) -> None:
    """A round goes on where the one before it ended, and begins with the oldest again after the last."""

    async def test(payments: Payments, provider: Bench) -> None:
        await _leave_pending(payments, AT_ONCE + 1)
        reconciler = Reconciler(payments._store, payments, after_s=0)
        for _ in range(3):
            await reconciler.round()
        keys = [f"k{number}" for number in range(AT_ONCE + 1)]
        assert _asked_about(provider) == [*keys, *keys[:AT_ONCE]]

    _with_payments(tmp_path, test, UNKNOWN)


def test_a_provider_that_is_away_is_asked_about_one_capture_a_round(tmp_path: Path) -> None:
    """About another one each time, so that none is first for good."""

    async def test(payments: Payments, provider: Bench) -> None:
        await _leave_pending(payments, 2)
        reconciler = Reconciler(payments._store, payments, after_s=0)
        for _ in range(2):
            with pytest.raises(CallFailed):
                await reconciler.round()
        assert _asked_about(provider) == ["k0", "k1"]

    _with_payments(tmp_path, test, failed(Outcome.CONNECT_REFUSED))


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
