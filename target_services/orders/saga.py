"""The saga of an order: reserve, pay, confirm; or compensate. Each step is written down before the next.

It can be stopped anywhere and taken up again by anybody with the lease, because each step can be repeated.
"""

from __future__ import annotations

from typing import assert_never

from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.orders.model import Order, State
from target_services.orders.remote import Inventory, Paid, Payments, Reserved
from target_services.orders.store import OrderStore


class Stuck(Exception):
    """A service that is needed cannot be had. `order` is as far as it has come."""

    def __init__(self, order: Order, edge: Edge, failure: CallFailed) -> None:
        super().__init__(f"{order.id} is {order.state}: {failure}")
        self.order = order
        self.edge = edge
        self.failure = failure


class Saga:
    """Brings orders to their end."""

    def __init__(self, store: OrderStore, inventory: Inventory, payments: Payments) -> None:
        self._store = store
        self._inventory = inventory
        self._payments = payments
        self._edges = {edge.name: edge for edge in (inventory.edge, payments.edge)}

    async def run(self, order: Order) -> Order:
        """Work until the order is final. Raises Stuck, or LeaseLost when somebody else has taken over."""
        while not order.is_final:
            try:
                order = await self._step(order)
            except CallFailed as failure:
                raise Stuck(order, self._edges[failure.edge], failure) from failure
        return order

    async def _step(self, order: Order) -> Order:
        match order.state:
            case State.PENDING:
                return await self._reserve(order)
            case State.RESERVED:
                return await self._pay(order)
            case State.PAID:
                return await self._confirm(order)
            case State.COMPENSATING:
                return await self._compensate(order)
            case State.CONFIRMED | State.CANCELLED:
                return order
            case _:
                assert_never(order.state)

    async def _reserve(self, order: Order) -> Order:
        if await self._inventory.reserve(order) is Reserved.OUT_OF_STOCK:
            return await self._store.advance(order, State.CANCELLED, reason="out-of-stock")
        return await self._store.advance(order, State.RESERVED)

    async def _pay(self, order: Order) -> Order:
        if await self._payments.capture(order) is Paid.DECLINED:
            return await self._store.advance(order, State.COMPENSATING, reason="payment-declined")
        return await self._store.advance(order, State.PAID)

    async def _confirm(self, order: Order) -> Order:
        if await self._inventory.confirm(order) is Reserved.OUT_OF_STOCK:
            return await self._store.advance(order, State.COMPENSATING, reason="out-of-stock")
        return await self._store.advance(order, State.CONFIRMED)

    async def _compensate(self, order: Order) -> Order:
        if order.reason != "payment-declined":
            await self._payments.refund(order)
        await self._inventory.release(order)
        return await self._store.advance(order, State.CANCELLED)
