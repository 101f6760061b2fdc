"""The saga of an order: reserve, pay, confirm; or compensate. Each step is written down before the next.

It can be stopped anywhere and taken up again by anybody with the lease, because each step can be repeated.
"""

from __future__ import annotations

from typing import assert_never

from target_services.orders.model import Order, State
from target_services.orders.remote import Inventory, Paid, Payments, Reserved
from target_services.orders.store import OrderStore


class Saga:
    """Brings orders to their end."""

    def __init__(self, store: OrderStore, inventory: Inventory, payments: Payments) -> None:
        self._store = store
        self._inventory = inventory
        self._payments = payments

    async def run(self, order: Order) -> Order:
        """Work until the order is final. Raises CallFailed where a service that is needed cannot be had.

        What was reached until then is in the database; `store.find` or the next `claim` goes on from there.
        """
        while not order.is_final:
            order = await self._step(order)
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
