"""The reconciler: ends captures that were left pending, because their caller died or the provider's answer was lost."""

from __future__ import annotations

import time

import structlog

from target_services.chassis.draining import Draining
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.payments.domain import Payments
from target_services.payments.store import Capture, CaptureStore

LOOK_EVERY_S = 2.0
AT_ONCE = 20

AFTER_S = 10.0
"""Longer than any capture takes: by then its caller has its answer, or has gone."""

VOID_AFTER_S = 900.0
"""Orders has long given up by then. What the provider does not know about then is never to be charged."""

_log = structlog.get_logger(__name__)


class Reconciler:
    """Looks for captures that were left pending, until draining begins."""

    def __init__(
        self, store: CaptureStore, payments: Payments, *, after_s: float = AFTER_S, void_after_s: float = VOID_AFTER_S
    ) -> None:
        self._store = store
        self._payments = payments
        self._after_s = after_s
        self._void_after_s = void_after_s

    async def run(self, draining: Draining) -> None:
        """Work until draining begins."""
        while not await draining.wait(LOOK_EVERY_S):
            try:
                await self.round()
            except CallFailed as failure:
                _log.warning("the provider cannot be asked about pending captures", outcome=failure.outcome)
            except Exception:  # noqa: BLE001 - whatever is wrong, pending captures must not be forgotten
                _log.exception("the reconciler stumbled")

    async def round(self) -> None:
        """Ask about captures that are pending for long. Raises CallFailed when the provider is away."""
        for pending in await self._store.left_pending(self._after_s, AT_ONCE):
            capture = await self._payments.reconcile(pending)
            if capture.state == "pending" and time.time_ns() - capture.created_ns > self._void_after_s * 1e9:
                capture = await self._payments.void(capture)
            self._tell(capture)

    def _tell(self, capture: Capture) -> None:
        if capture.state != "pending":
            _log.info("pending capture reconciled", capture=capture.id, order=capture.order_id, state=capture.state)
