"""Orders in the database: begun once per key, moved on by whoever holds the lease, answered always the same.

A lease is the right to work on an order until a moment. Whoever changes an order says in which state it saw
it and that the lease is its own; when that is no longer so, nothing is changed and LeaseLost is raised.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from target_services.chassis.audit import Row, pages
from target_services.chassis.database import Database
from target_services.chassis.outbox import Outbox
from target_services.orders.model import FINAL, Order, OrderRequest, State, answer_to
from target_services.orders.tables import ANSWERS, ORDERS, OUTBOX

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
        self.outbox = Outbox(OUTBOX)
        self._db = database
        self._owner = uuid.uuid4().hex
        self._first = database.insert(ANSWERS).on_conflict_do_nothing()

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
        lease = {"final": False, "lease_owner": self._owner, "due_ns": now_ns + LEASE_NS, "created_ns": now_ns}
        digest = request.digest()

        def store(connection: Connection) -> Order | Known:
            if connection.execute(self._first, {"key": key, "digest": digest}).rowcount != 1:
                return _known(connection, key, digest)
            connection.execute(_INSERT, asdict(order) | lease)
            return order

        return await self._db.write(store)

    async def advance(self, order: Order, state: State, *, reason: str | None = None) -> Order:
        """Move an order on to its next state. A final one gets its answer in the same transaction."""
        moved = replace(order, state=state, reason=reason or order.reason)
        changes = {"state": state, "reason": moved.reason, "final": state in FINAL}
        await self._change(order, changes, answered=moved if moved.is_final else None)
        return moved

    async def enqueue(self, order: Order, *, after_s: float) -> Order:
        """Hand an order to the worker, and settle what its client is told."""
        queued = replace(order, queued=True)
        await self._change(order, {"queued": True, "lease_owner": None, "due_ns": _in(after_s)}, answered=queued)
        return queued

    async def postpone(self, order: Order, *, after_s: float) -> None:
        """Give an order back to be tried again later."""
        await self._change(order, {"lease_owner": None, "due_ns": _in(after_s)})

    async def claim(self, most: int) -> list[Order]:
        """Lease orders that are due, the longest waiting first: queued ones, and those whose worker died."""
        now_ns = time.time_ns()
        due = ~ORDERS.c.final & (ORDERS.c.due_ns <= now_ns)
        oldest = select(ORDERS.c.id).where(due).order_by(ORDERS.c.due_ns).limit(most)
        if not await self._db.read(lambda connection: connection.execute(oldest).all()):
            return []
        lease = {"lease_owner": self._owner, "due_ns": now_ns + LEASE_NS, "tries": ORDERS.c.tries + 1}
        take = ORDERS.update().where(ORDERS.c.id.in_(oldest), due).values(lease).returning(*_COLUMNS)
        rows = await self._db.write(lambda connection: connection.execute(take).mappings().all())
        return [_order(dict(row)) for row in rows]

    async def find(self, order_id: str, customer: str) -> Order | None:
        """Return a customer's order, if there is one."""
        which = {"of": order_id, "whose": customer}
        row = await self._db.read(lambda connection: connection.execute(_FIND, which).mappings().one_or_none())
        return _order(dict(row)) if row is not None else None

    async def _change(self, order: Order, changes: dict[str, Any], *, answered: Order | None = None) -> None:
        ours = {"of": order.id, "seen": order.state, "owner": self._owner}

        def change(connection: Connection) -> None:
            if connection.execute(_CHANGE, ours | changes).rowcount != 1:
                raise LeaseLost(order.id)
            if answered is not None:
                _answer(connection, answered)
            if answered is not None and answered.state is State.CONFIRMED:
                self.outbox.add(connection, "order.confirmed", answered.id, answered.event())

        await self._db.write(change)

    async def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every order as what its client was promised."""
        async for page in self._since(since_ns):
            yield [
                {"kind": "order", "id": o.id, "key": o.key, "state": o.shown_state, "terminal": o.is_final}
                for o in page
            ]

    async def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every order as something that must exist once per key."""
        async for page in self._since(since_ns):
            yield [{"kind": "order", "key": o.key, "id": o.id, "state": o.shown_state} for o in page]

    async def pending(self) -> int:
        """Return how many orders are not at their end."""
        count = select(func.count()).select_from(ORDERS).where(~ORDERS.c.final)
        return await self._db.read(lambda connection: int(connection.execute(count).scalar_one()))

    async def _since(self, since_ns: int) -> AsyncIterator[list[Order]]:
        query = select(*_COLUMNS, ORDERS.c.created_ns)
        async for page in pages(self._db, query, ORDERS.c.created_ns, ORDERS.c.id, since_ns):
            yield [_order(row) for row in page]


_COLUMNS = tuple(ORDERS.c[name] for name in Order.__dataclass_fields__)
_INSERT = ORDERS.insert()
_FIND = select(*_COLUMNS).where(ORDERS.c.id == bindparam("of"), ORDERS.c.customer == bindparam("whose"))
_CHANGE = ORDERS.update().where(
    ORDERS.c.id == bindparam("of"), ORDERS.c.state == bindparam("seen"), ORDERS.c.lease_owner == bindparam("owner")
)
_KNOWN = select(ANSWERS).where(ANSWERS.c.key == bindparam("of"))
_ANSWER = (
    ANSWERS.update()
    .where(ANSWERS.c.key == bindparam("of"), ANSWERS.c.status.is_(None))
    .values(status=bindparam("answer"), body=bindparam("text"))
)


def _in(seconds: float) -> int:
    return time.time_ns() + int(seconds * 1e9)


def _order(row: Mapping[str, Any]) -> Order:
    return Order(**{**row, "state": State(row["state"])})


def _known(connection: Connection, key: str, digest: str) -> Known:
    row = connection.execute(_KNOWN, {"of": key}).one()
    return Known(row.digest == digest, row.status, row.body)


def _answer(connection: Connection, order: Order) -> None:
    """Settle the answer to the order's key, unless it has been given before."""
    status, body = answer_to(order)
    connection.execute(_ANSWER, {"of": order.key, "answer": status, "text": json.dumps(body)})
