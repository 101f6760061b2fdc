"""The saga of an order: reserve, pay, confirm; or compensate, in reverse order of what was done.

Each step is written down before it is asked for, and what came of it together with the next one, so it can be
stopped anywhere and taken up again by anybody with the lease: a step that is repeated has its effect once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.orders.model import Order, State
from target_services.orders.remote import Inventory, Payments, Refusal
from target_services.orders.saga_log import Step, asked, done, refused, undone
from target_services.orders.store import OrderStore


class Stuck(Exception):
    """A service that is needed cannot be had. `order` is as far as it has come."""

    def __init__(self, order: Order, edge: Edge, failure: CallFailed) -> None:
        super().__init__(f"{order.id} is {order.state}: {failure}")
        self.order = order
        self.edge = edge
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Forward:
    """A step on the way forward: what is asked of whom, and where that leads."""

    step: Step
    do: Callable[[Order], Awaitable[Refusal | None]]
    leads_to: State
    next_step: Step | None


class Saga:
    """Brings orders to their end."""

    def __init__(self, store: OrderStore, inventory: Inventory, payments: Payments) -> None:
        self._store = store
        self._edges = {edge.name: edge for edge in (inventory.edge, payments.edge)}
        self._forward = {
            State.PENDING: Forward(Step.RESERVE, inventory.reserve, State.RESERVED, Step.PAY),
            State.RESERVED: Forward(Step.PAY, payments.capture, State.PAID, Step.CONFIRM),
            State.PAID: Forward(Step.CONFIRM, inventory.confirm, State.CONFIRMED, None),
        }
        self._undo: dict[Step, Callable[[Order], Awaitable[None]]] = {
            Step.CONFIRM: inventory.release,
            Step.PAY: payments.refund,
            Step.RESERVE: inventory.release,
        }

    async def run(self, order: Order) -> Order:
        """Work until the order is final. Raises Stuck, or LeaseLost when somebody else has taken over."""
        while not order.is_final:
            try:
                order = await (self._back(order) if order.state is State.COMPENSATING else self._on(order))
            except CallFailed as failure:
                raise Stuck(order, self._edges[failure.edge], failure) from failure
        return order

    async def _on(self, order: Order) -> Order:
        """Do the next step, and write down what came of it."""
        forward = self._forward[order.state]
        refusal = await forward.do(order)
        if refusal is None:
            lines = [done(forward.step)] + ([asked(forward.next_step)] if forward.next_step is not None else [])
            return await self._store.advance(order, forward.leads_to, *lines)
        lines = [refused(forward.step)] if refusal.certain else []
        return await self._store.go_back(order, *lines, reason=refusal.reason)

    async def _back(self, order: Order) -> Order:
        """Undo the last step that is not undone, and write that down."""
        step, *_ = await self._store.left_to_undo(order)
        try:
            await self._undo[step](order)
        except CallFailed:
            if not is_planted(Bug.COMPENSATION_LOST):
                raise
        return await self._store.go_back(order, undone(step))
