"""The worker: finishes orders that were queued, and those whose process died, without hurting anybody.

It works at a bounded rate, so that what has piled up is not poured over a service that has just come back,
and it pauses when an order gets stuck.
"""

from __future__ import annotations

import asyncio

import structlog
from aiolimiter import AsyncLimiter
from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import StatusCode, Tracer

from target_services.chassis.draining import Draining
from target_services.chassis.logs import RUN_BAGGAGE
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.orders.model import Order
from target_services.orders.saga import Saga, Stuck
from target_services.orders.store import LeaseLost, OrderStore

AT_ONCE = 5
TRY_S = 4.0
"""Longest time for one order; shorter than its lease."""

LOOK_EVERY_S = 0.5
PAUSE_S = 1.0
"""How long nothing is tried after an order got stuck."""

LONGEST_WAIT_S = 4.0

_log = structlog.get_logger(__name__)


class Worker:
    """Takes up orders that are due until draining begins."""

    def __init__(self, store: OrderStore, saga: Saga, tracer: Tracer, *, per_second: float) -> None:
        self._store = store
        self._saga = saga
        self._tracer = tracer
        self._limiter = AsyncLimiter(1, 1 / per_second)

    async def run(self, draining: Draining) -> None:
        """Work until draining begins."""
        wait_s = 0.0
        while not await draining.wait(wait_s):
            try:
                wait_s = await self._round()
            except Exception:  # noqa: BLE001 - whatever is wrong, queued orders must not be forgotten
                _log.exception("the worker stumbled")
                wait_s = PAUSE_S

    async def _round(self) -> float:
        """Try some orders. Returns how long to wait before the next ones."""
        orders = await self._store.claim(AT_ONCE)
        if not orders:
            return LOOK_EVERY_S
        finished = await asyncio.gather(*(self._try(order) for order in orders))
        return 0.0 if all(finished) else PAUSE_S

    async def _try(self, order: Order) -> bool:
        """Tell whether there is nothing left to do. What goes wrong with one order does not end the others' tries."""
        await self._limiter.acquire()
        token = otel_context.attach(_context_of(order))
        try:
            with (
                self._tracer.start_as_current_span("finish order") as span,
                deadlines.apply(Deadline.after(TRY_S)),
            ):
                span.set_attribute("shop.order.id", order.id)
                finished = await self._finish(order)
                if not finished:
                    span.set_status(StatusCode.ERROR, "stuck")
                return finished
        except Exception:  # noqa: BLE001 - its lease runs out, and it is claimed again
            _log.exception("the worker stumbled over an order", order=order.id)
            return False
        finally:
            otel_context.detach(token)

    async def _finish(self, order: Order) -> bool:
        try:
            return await self._finish_or_queue(order)
        except LeaseLost:  # somebody else sees to it
            return True

    async def _finish_or_queue(self, order: Order) -> bool:
        try:
            done = await self._saga.run(order)
        except Stuck as stuck:
            wait_s = min(LONGEST_WAIT_S, PAUSE_S * 2 ** min(order.tries, 4))
            await self._store.enqueue(stuck.order, after_s=wait_s)  # so that whoever asks again has an answer
            return False
        _log.info("order finished", order=done.id, state=done.shown_state, reason=done.reason, tries=done.tries)
        return True


def _context_of(order: Order) -> otel_context.Context:
    """Return the trace and the run that the order came from, so that its end is found where it began."""
    carrier = {"traceparent": order.traceparent} if order.traceparent else {}
    context = propagate.extract(carrier, otel_context.Context())
    if order.run_id:
        context = baggage.set_baggage(RUN_BAGGAGE, order.run_id, context)
    assert not trace.get_current_span(context).is_recording()
    return context
