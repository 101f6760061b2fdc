"""The reconciler: ends captures that were left pending, because their caller died or the provider's answer was lost."""

from __future__ import annotations

import structlog

from target_services.chassis.ages import Ages
from target_services.chassis.draining import Draining
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.payments.domain import Payments
from target_services.payments.store import Capture, CaptureStore

LOOK_EVERY_S = 2.0
AT_ONCE = 20

AFTER_S = 10.0
"""Longer than any capture takes: by then its caller has its answer, or has gone."""

VOID_AFTER_S = 900.0
"""Orders has long given up by then. What the provider does not know about then is never to be charged."""

_OF_ONE = frozenset({Outcome.INVALID, Outcome.SERVER_ERROR})
"""What may be wrong with one capture alone. After anything else the provider is left alone until the next round."""

_log = structlog.get_logger(__name__)


class Reconciler:
    """Looks for captures that were left pending, until draining begins."""

    def __init__(
        self,
        store: CaptureStore,
        payments: Payments,
        *,
        after_s: float = AFTER_S,
        void_after_s: float = VOID_AFTER_S,
        ages: Ages | None = None,
    ) -> None:
        self._store = store
        self._payments = payments
        self._ages = ages or Ages()
        self._after_ns = int(after_s * 1e9)
        self._void_after_ns = int(void_after_s * 1e9)
        self._reached: tuple[int, str] | None = None
        """The capture that was asked about last, as `left_pending` orders them; None: begin with the oldest."""

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
        """Ask about some captures that are pending for long, from where the last round ended; then from the oldest.

        Raises CallFailed when the provider is away.
        """
        some = await self._store.left_pending(self._ages.stamp_of(self._after_ns), AT_ONCE, after=self._reached)
        for pending in some:
            self._reached = pending.created_ns, pending.id  # whatever comes of it: the others have their turn
            try:
                self._tell(await self._reconcile(pending))
            except CallFailed as failure:
                if failure.outcome not in _OF_ONE:
                    raise
                _log.warning("a pending capture cannot be reconciled", capture=pending.id, outcome=failure.outcome)
        if len(some) < AT_ONCE:
            self._reached = None

    async def _reconcile(self, pending: Capture) -> Capture:
        capture = await self._payments.reconcile(pending)
        if capture.state == "pending" and self._ages.of(capture.created_ns) > self._void_after_ns:
            return await self._payments.void(capture)
        return capture

    def _tell(self, capture: Capture) -> None:
        if capture.state != "pending":
            _log.info("pending capture reconciled", capture=capture.id, order=capture.order_id, state=capture.state)
