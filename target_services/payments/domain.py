"""Payments: money is taken at most once per idempotency key, and nothing that was asked for is forgotten.

A capture is written down before the provider is asked. When the answer is lost, the same key asks again and
the provider gives the same answer; when nobody asks again, `reconciler` asks the provider what became of it.
"""

from __future__ import annotations

from target_services.chassis import idempotency
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.wire import Answer, Call
from target_services.payments.store import Capture, CaptureStore

_REFUSALS = {"card-declined": "declined", "charge-voided": "voided"}
_STATES = frozenset({"captured", "declined", "refunded", "voided"})


class Payments:
    """Captures and refunds payments through the provider."""

    def __init__(self, store: CaptureStore, provider: Edge) -> None:
        self._store = store
        self._provider = provider

    async def capture(self, key: str, order_id: str, amount_cents: int, currency: str, card: str) -> Capture:
        """Take the money, or return what became of this key before. On CallFailed it is pending."""
        digest = idempotency.digest(order_id, amount_cents, currency, card)
        capture = await self._store.begin(key, digest, order_id, amount_cents, currency)
        if capture.state != "pending":
            return capture
        charge = Call(
            "POST",
            "/v1/charges",
            {"amount_cents": amount_cents, "currency": currency, "card": card},
            idempotency_key=capture.charge_key,
        )
        return await self._store.settle(capture, await self._provider.call(charge, _state))

    async def refund(self, key: str) -> Capture:
        """See to it that no money stays taken under this key, and none is taken from now on.

        What was captured is given back. What is pending is void once the provider says so, and what was never
        asked for is refused when it comes late. On CallFailed nothing has changed here.
        """
        capture = await self._store.fence(key)
        return capture if capture.state not in ("pending", "captured") else await self.void(capture)

    async def void(self, capture: Capture) -> Capture:
        """Have the provider give the money back, or never take it."""
        path = f"/v1/charges/{capture.charge_key}/refund"
        refund = Call("POST", path, idempotency_key=f"{capture.charge_key}-refund")
        return await self._store.settle(capture, await self._provider.call(refund, _state))

    async def reconcile(self, capture: Capture) -> Capture:
        """Ask the provider what became of a pending capture. It stays pending where the provider does not know."""
        call = Call("GET", f"/v1/charges/{capture.charge_key}")
        state = await self._provider.call(call, _state_if_known)
        return await self._store.settle(capture, state) if state is not None else capture

    async def find(self, key: str) -> Capture | None:
        """Return the capture of a key, if there is one."""
        return await self._store.find(key)


def _state(answer: Answer) -> str:
    """Return what has become of a charge."""
    if (refusal := _REFUSALS.get(answer.problem() or "")) is not None:
        return refusal
    document = answer.json()
    if answer.status >= 400 or not isinstance(document, dict):
        raise ValueError(f"the provider answered {answer.status}")
    if document["state"] not in _STATES:
        raise ValueError(f"a charge cannot be {document['state']!r}")
    return str(document["state"])


def _state_if_known(answer: Answer) -> str | None:
    return None if answer.problem() == "unknown-charge" else _state(answer)
