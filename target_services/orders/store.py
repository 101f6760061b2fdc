"""Orders in the database: begun once per key, moved on by whoever holds the lease, answered always the same.

A lease is the right to work on an order until a moment. Whoever changes an order says in which state it saw
it and that the lease is its own; when that is no longer so, nothing is changed and LeaseLost is raised.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from target_services.chassis.audit import Row
from target_services.chassis.database import Database
from target_services.orders.model import FINAL, Order, OrderRequest, State, answer_to
from target_services.orders.tables import ANSWERS, ORDERS

LEASE_NS = 5_000_000_000
"""Longer than any request or try may take; an order whose worker died is taken up again after it."""


class LeaseLost(Exception):
    """Somebody else works on the order by now."""


@dataclass(frozen=True, slots=True)
class Known:
    """The key was used before. `status` is None while its first request is in progress."""

    same_request: bool
    status: int | None
    body: str | None


class OrderStore:
    """All access to the tables. One instance holds leases under its own name."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._owner = uuid.uuid4().hex

    async def begin(
        self, key: str, request: OrderRequest, *, traceparent: str | None, run_id: str | None
    ) -> Order | Known:
        """Write a new order down and lease it, or tell what is known about its key."""
        order = Order(
            id=f"ord_{uuid.uuid4().hex[:16]}",
            key=key,
            customer=request.customer,
            product_id=request.product_id,
            quantity=request.quantity,
            total_cents=request.quantity * request.unit_price_cents,
            card=request.card,
            state=State.PENDING,
            queued=False,
            reason=None,
            tries=0,
            traceparent=traceparent,
            run_id=run_id,
        )
        now_ns = time.time_ns()
        async with self._db.write() as connection:
            first = self._db.insert(ANSWERS).on_conflict_do_nothing()
            digest = request.digest()
            if (await connection.execute(first, {"key": key, "digest": digest})).rowcount != 1:
                return await _known(connection, key, digest)
            row = asdict(order) | {
                "final": False,
                "lease_owner": self._owner,
                "due_ns": now_ns + LEASE_NS,
                "created_ns": now_ns,
            }
            await connection.execute(ORDERS.insert(), row)
        return order

    async def advance(self, order: Order, state: State, *, reason: str | None = None) -> Order:
        """Move an order on to its next state. A final one gets its answer in the same transaction."""
        moved = replace(order, state=state, reason=reason or order.reason)
        changes: dict[str, Any] = {"state": state, "reason": moved.reason, "final": state in FINAL}
        async with self._db.write() as connection:
            await self._change(connection, order, changes)
            if moved.is_final:
                await _answer(connection, moved)
        return moved

    async def enqueue(self, order: Order, *, after_s: float) -> Order:
        """Hand an order to the worker, and settle what its client is told."""
        queued = replace(order, queued=True)
        due_ns = time.time_ns() + int(after_s * 1e9)
        async with self._db.write() as connection:
            await self._change(connection, order, {"queued": True, "lease_owner": None, "due_ns": due_ns})
            await _answer(connection, queued)
        return queued

    async def postpone(self, order: Order, *, after_s: float) -> None:
        """Give an order back to be tried again later."""
        due_ns = time.time_ns() + int(after_s * 1e9)
        async with self._db.write() as connection:
            await self._change(connection, order, {"lease_owner": None, "due_ns": due_ns})

    async def claim(self, most: int) -> list[Order]:
        """Lease orders that are due, the longest waiting first: queued ones, and those whose worker died."""
        now_ns = time.time_ns()
        due = ~ORDERS.c.final & (ORDERS.c.due_ns <= now_ns)
        async with self._db.read() as connection:
            if (await connection.execute(select(ORDERS.c.id).where(due).limit(1))).first() is None:
                return []
        oldest = select(ORDERS.c.id).where(due).order_by(ORDERS.c.due_ns).limit(most)
        lease = {"lease_owner": self._owner, "due_ns": now_ns + LEASE_NS, "tries": ORDERS.c.tries + 1}
        async with self._db.write() as connection:
            taken = ORDERS.update().where(ORDERS.c.id.in_(oldest), due).values(lease).returning(*_COLUMNS)
            return [_order(row) for row in (await connection.execute(taken)).mappings()]

    async def find(self, order_id: str, customer: str) -> Order | None:
        """Return a customer's order, if there is one."""
        mine = (ORDERS.c.id == order_id) & (ORDERS.c.customer == customer)
        async with self._db.read() as connection:
            row = (await connection.execute(select(*_COLUMNS).where(mine))).mappings().one_or_none()
        return _order(row) if row is not None else None

    async def _change(self, connection: AsyncConnection, order: Order, changes: dict[str, Any]) -> None:
        still_ours: ColumnElement[bool] = (
            (ORDERS.c.id == order.id) & (ORDERS.c.state == order.state) & (ORDERS.c.lease_owner == self._owner)
        )
        if (await connection.execute(ORDERS.update().where(still_ours).values(changes))).rowcount != 1:
            raise LeaseLost(order.id)

    async def records(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield every order as what its client was promised."""
        async for order in self._since(since_ns):
            yield {
                "kind": "order",
                "id": order.id,
                "key": order.key,
                "state": order.shown_state,
                "terminal": order.is_final,
            }

    async def effects(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield every order as something that must exist once per key."""
        async for order in self._since(since_ns):
            yield {"kind": "order", "key": order.key, "id": order.id, "state": order.shown_state}

    async def pending(self) -> int:
        """Return how many orders are not at their end."""
        async with self._db.read() as connection:
            count = select(func.count()).select_from(ORDERS).where(~ORDERS.c.final)
            return int((await connection.execute(count)).scalar_one())

    async def _since(self, since_ns: int) -> AsyncIterator[Order]:
        query = select(*_COLUMNS).where(ORDERS.c.created_ns >= since_ns).order_by(ORDERS.c.created_ns)
        async with self._db.read() as connection, connection.stream(query) as rows:
            async for row in rows.mappings():
                yield _order(row)


_COLUMNS = tuple(ORDERS.c[name] for name in Order.__dataclass_fields__)


def _order(row: RowMapping) -> Order:
    return Order(**{**row, "state": State(row["state"])})


async def _known(connection: AsyncConnection, key: str, digest: str) -> Known:
    row = (await connection.execute(select(ANSWERS).where(ANSWERS.c.key == key))).one()
    return Known(row.digest == digest, row.status, row.body)


async def _answer(connection: AsyncConnection, order: Order) -> None:
    """Settle the answer to the order's key, unless it has been given before."""
    status, body = answer_to(order)
    unanswered = (ANSWERS.c.key == order.key) & ANSWERS.c.status.is_(None)
    await connection.execute(ANSWERS.update().where(unanswered).values(status=status, body=json.dumps(body)))
