"""What payments needs of the provider."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable

from target_services.chassis.database import Database
from target_services.chassis.resilience.edge import Edge
from target_services.payments.domain import Payments
from target_services.payments.store import Capture, CaptureStore
from target_services.payments.tables import SCHEMA
from tests.contract.consumers.story import Story, one_of, problem


def _with(key: str, work: Callable[[Payments, Capture], Awaitable[Capture]]) -> Callable[[Edge], Awaitable[object]]:
    """Return what works on a capture that is begun, and gives back its state."""

    async def ask(edge: Edge) -> object:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/payments.db", SCHEMA)
            await database.open()
            try:
                store = CaptureStore(database)
                begun = await store.begin(key, "digest", "ord_1", 1299, "EUR")
                return (await work(Payments(store, edge), begun)).state
            finally:
                await database.close()

    return ask


def _capturing(key: str, card: str = "tok_visa") -> Callable[[Edge], Awaitable[object]]:
    async def ask(edge: Edge) -> object:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/payments.db", SCHEMA)
            await database.open()
            try:
                return (await Payments(CaptureStore(database), edge).capture(key, "ord_1", 1299, "EUR", card)).state
            finally:
                await database.close()

    return ask


PROVIDER = (
    Story(
        "a charge",
        "POST",
        "/v1/charges",
        headers={"idempotency-key": "pact-charge"},
        body={"amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=201,
        answer={"state": one_of("captured")},
        ask=_capturing("pact-charge"),
        understood="captured",
    ),
    Story(
        "a charge on a card that is declined",
        "POST",
        "/v1/charges",
        headers={"idempotency-key": "pact-declined"},
        body={"amount_cents": 1299, "currency": "EUR", "card": "tok_declined"},
        status=402,
        answer=problem("card-declined"),
        ask=_capturing("pact-declined", "tok_declined"),
        understood="declined",
    ),
    Story(
        "a charge that comes after its refund",
        "POST",
        "/v1/charges",
        given={"a charge was given up": {"key": "pact-voided"}},
        headers={"idempotency-key": "pact-voided"},
        body={"amount_cents": 1299, "currency": "EUR", "card": "tok_visa"},
        status=409,
        answer=problem("charge-voided"),
        ask=_capturing("pact-voided"),
        understood="voided",
    ),
    Story(
        "what became of a charge",
        "GET",
        "/v1/charges/pact-known",
        given={"a card was charged": {"key": "pact-known"}},
        status=200,
        answer={"state": one_of("captured")},
        ask=_with("pact-known", lambda payments, capture: payments.reconcile(capture)),
        understood="captured",
    ),
    Story(
        "what became of a charge that was never asked for",
        "GET",
        "/v1/charges/pact-unheard",
        status=404,
        answer=problem("unknown-charge"),
        ask=_with("pact-unheard", lambda payments, capture: payments.reconcile(capture)),
        understood="pending",
    ),
    Story(
        "a refund",
        "POST",
        "/v1/charges/pact-regret/refund",
        given={"a card was charged": {"key": "pact-regret"}},
        headers={"idempotency-key": "pact-regret-refund"},
        status=200,
        answer={"state": one_of("refunded")},
        ask=_with("pact-regret", lambda payments, capture: payments.void(capture)),
        understood="refunded",
    ),
    Story(
        "a refund of what was never charged",
        "POST",
        "/v1/charges/pact-never/refund",
        headers={"idempotency-key": "pact-never-refund"},
        status=200,
        answer={"state": one_of("voided")},
        ask=_with("pact-never", lambda payments, capture: payments.void(capture)),
        understood="voided",
    ),
)
