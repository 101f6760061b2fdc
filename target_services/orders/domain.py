"""Taking orders: once per key, at the price on the list, and never refused because payments is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from opentelemetry import baggage, propagate

from target_services.chassis.idempotency import Known
from target_services.chassis.logs import RUN_BAGGAGE
from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.goods import price_list
from target_services.orders.model import Order, OrderRequest, answer_to
from target_services.orders.saga import Saga, Stuck
from target_services.orders.store import LeaseLost, OrderStore

ANSWER_S = 0.3
"""Kept back from the caller's deadline, to write down where the order stands and to answer."""

FIRST_TRY_AFTER_S = 1.0
"""When the worker takes up an order that was queued."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to a request for an order. `replayed`: it was given before."""

    status: int
    body: str
    replayed: bool = False


class Orders:
    """Takes orders and shows them."""

    def __init__(self, store: OrderStore, saga: Saga, *, queues_at_once: Callable[[], bool] = lambda: False) -> None:
        """`queues_at_once`: whether a new order is answered as queued, and left to the worker altogether."""
        self._queues_at_once = queues_at_once
        self._store = store
        self._saga = saga
        self._prices = {product.id: product.price_cents for product in price_list()}

    async def place(self, key: str, request: OrderRequest) -> Placed:
        """Take an order and bring it as far as it gets now. What was answered before is answered so at any price."""
        refusal = self._refusal(request)
        if refusal is not None:
            known = await self._store.known(key, request)
            if known is None:
                raise refusal
            return Placed(*known.replay(), replayed=True)
        traceparent, run_id = _origin()
        queued = self._queues_at_once()
        begun = await self._store.begin(key, request, traceparent=traceparent, run_id=run_id, queued=queued)
        if isinstance(begun, Known):
            return Placed(*begun.replay(), replayed=True)
        order = begun if queued else await self._bring_on(begun)
        _log.info("order placed", order=order.id, state=order.shown_state, reason=order.reason)
        status, document = answer_to(order)
        return Placed(status, json.dumps(document))

    async def find(self, order_id: str, customer: str) -> Order:
        """Return a customer's order."""
        order = await self._store.find(order_id, customer)
        if order is None:
            raise Problem(404, "there is no such order", slug="unknown-order")
        return order

    async def _bring_on(self, order: Order) -> Order:
        try:
            return await self._finish_or_queue(order)
        except LeaseLost:  # it took so long that the worker has taken over
            return await self.find(order.id, order.customer)

    async def _finish_or_queue(self, order: Order) -> Order:
        try:
            with deadlines.apply(deadlines.current.get().earlier_by(ANSWER_S)):
                return await self._saga.run(order)
        except Stuck as stuck:
            where = stuck.order

            async def later(_: CallFailed) -> Order:
                return await self._store.enqueue(where, after_s=FIRST_TRY_AFTER_S)

            return await stuck.edge.fall_back(stuck.failure, later)

    def _refusal(self, request: OrderRequest) -> Problem | None:
        """Return why the price list does not allow an order."""
        price_cents = self._prices.get(request.product_id)
        if price_cents is None:
            return Problem(404, "there is no such product", slug="unknown-product")
        if price_cents != request.unit_price_cents:
            return Problem(409, "the price has changed", slug="price-changed", unit_price_cents=price_cents)
        return None


def _origin() -> tuple[str | None, str | None]:
    """Return the trace and the run that an order comes from, for whoever finishes it later."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    run_id = baggage.get_baggage(RUN_BAGGAGE)
    return carrier.get("traceparent"), run_id if isinstance(run_id, str) else None
