"""Orders in the database: begun once per key, moved on by whoever holds the lease, answered always the same.

A lease is the right to work on an order until a moment. Whoever changes an order says in which state it saw
it and that the lease is its own; when that is no longer so, nothing is changed and LeaseLost is raised. State,
saga log, answer and outbox row of an order are changed in one transaction.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, or_, select

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.database import Database
from target_services.chassis.idempotency import Answers, Known
from target_services.chassis.outbox import Outbox
from target_services.orders import saga_log
from target_services.orders.model import FINAL, Order, OrderRequest, State, answer_to
from target_services.orders.saga_log import Line, Step
from target_services.orders.tables import ANSWERS, ORDERS, OUTBOX

LEASE_NS = 5_000_000_000
"""Longer than any request or try may take; an order whose worker died is taken up again after it."""

FARTHEST_NS = 60_000_000_000
"""No lease and no wait is as long as this. What is due later than that was written before the clock went back."""


class LeaseLost(Exception):
    """Somebody else works on the order by now."""


class OrderStore:
    """Orders, to be worked on. One instance holds leases under its own name."""

    def __init__(self, database: Database) -> None:
        self.outbox = Outbox(OUTBOX)
        self._db = database
        self._owner = uuid.uuid4().hex
        self._answers = Answers(database, ANSWERS)

    async def begin(
        self, key: str, request: OrderRequest, *, traceparent: str | None, run_id: str | None, queued: bool = False
    ) -> Order | Known:
        """Write a new order down and lease it, or tell what is known about its key. `queued`: for the worker."""
        now_ns = time.time_ns()
        order = Order(
            id=f"ord_{uuid.uuid4().hex[:16]}",
            key=key,
            customer=request.customer,
            product_id=request.product_id,
            quantity=request.quantity,
            total_cents=request.quantity * request.unit_price_cents,
            currency=request.currency,
            card=request.card,
            state=State.PENDING,
            queued=queued,
            reason=None,
            tries=0,
            traceparent=traceparent,
            run_id=run_id,
            created_ns=now_ns,
        )
        lease = _UNLEASED | {"due_ns": now_ns} if queued else {"lease_owner": self._owner, "due_ns": now_ns + LEASE_NS}
        digest = request.digest()

        def store(connection: Connection) -> Order | Known:
            if (known := self._answers.begin(connection, key, digest)) is not None:
                return known
            connection.execute(_INSERT, asdict(order) | lease | {"final": False})
            saga_log.write(connection, order.id, [saga_log.asked(Step.RESERVE)])
            if queued:
                self._answer(connection, order)
            return order

        return await self._db.write(store)

    async def known(self, key: str, request: OrderRequest) -> Known | None:
        """Return what is known about a key, if it was used."""
        digest = request.digest()
        return await self._db.read(lambda connection: self._answers.find(connection, key, digest))

    async def advance(self, order: Order, state: State, *lines: Line) -> Order:
        """Move an order on to its next state. A final one gets its answer in the same transaction."""
        moved = await self._db.write(partial(self._move, order=order, state=state, lines=lines))
        if state is State.CONFIRMED and is_planted(Bug.OUTBOX_OUTSIDE):
            await self._db.write(partial(self._tell, order=moved))
        return moved

    async def go_back(self, order: Order, *lines: Line, reason: str | None = None) -> Order:
        """Write down what came of a step, and what is to be undone next; with nothing left, cancel the order."""

        def change(connection: Connection) -> Order:
            left = saga_log.left_to_undo([*saga_log.read(connection, order.id), *lines])
            state = State.COMPENSATING if left else State.CANCELLED
            then = [saga_log.undoing(step) for step in left[:1]]
            return self._move(connection, order, state, [*lines, *then], reason)

        return await self._db.write(change)

    async def left_to_undo(self, order: Order) -> list[Step]:
        """Return the steps of an order that have to be compensated, the next one first."""
        lines = await self._db.read(partial(saga_log.read, order_id=order.id))
        return saga_log.left_to_undo(lines)

    async def enqueue(self, order: Order, *, after_s: float) -> Order:
        """Hand an order to the worker for a later try, and settle what its client is told, unless that is settled."""
        queued = replace(order, queued=True)

        def change(connection: Connection) -> Order:
            self._change(connection, order, _UNLEASED | {"queued": True, "due_ns": _in(after_s)})
            self._answer(connection, queued)
            return queued

        return await self._db.write(change)

    async def claim(self, most: int) -> list[Order]:
        """Lease orders that are due, the longest waiting first: queued ones, and those whose worker died."""
        now_ns = time.time_ns()
        due = ~ORDERS.c.final & or_(ORDERS.c.due_ns <= now_ns, ORDERS.c.due_ns > now_ns + FARTHEST_NS)
        oldest = select(ORDERS.c.id).where(due).order_by(ORDERS.c.due_ns).limit(most)
        if not await self._db.read(lambda connection: connection.execute(oldest).all()):
            return []
        lease = {"lease_owner": self._owner, "due_ns": now_ns + LEASE_NS, "tries": ORDERS.c.tries + 1}

        def take(connection: Connection) -> list[Order]:
            free = connection.scalars(oldest.with_for_update(skip_locked=True)).all()
            leased = ORDERS.update().where(ORDERS.c.id.in_(free)).values(lease).returning(*_COLUMNS)
            return [_order(row) for row in connection.execute(leased).mappings()]

        return await self._db.write(take)

    async def find(self, order_id: str, customer: str) -> Order | None:
        """Return a customer's order, if there is one."""
        which = {"of": order_id, "whose": customer}
        row = await self._db.read(lambda connection: connection.execute(_FIND, which).mappings().one_or_none())
        return _order(row) if row is not None else None

    def _move(
        self, connection: Connection, order: Order, state: State, lines: Sequence[Line], reason: str | None = None
    ) -> Order:
        moved = replace(order, state=state, reason=reason or order.reason)
        self._change(connection, order, {"state": state, "reason": moved.reason, "final": state in FINAL})
        saga_log.write(connection, order.id, lines)
        if moved.is_final:
            self._answer(connection, moved)
        if state is State.CONFIRMED and not is_planted(Bug.OUTBOX_OUTSIDE):
            self._tell(connection, moved)
        return moved

    def _tell(self, connection: Connection, order: Order) -> None:
        """Have the world told that an order is confirmed, once that is committed."""
        self.outbox.add(connection, "order.confirmed", order.id, order.event())

    def _change(self, connection: Connection, order: Order, changes: dict[str, Any]) -> None:
        """Change an order that is still as we saw it and leased to us. Raises LeaseLost."""
        ours = {"of": order.id, "seen": order.state, "owner": self._owner, "try": order.tries}
        if connection.execute(_CHANGE, ours | changes).rowcount != 1:
            raise LeaseLost(order.id)

    def _answer(self, connection: Connection, order: Order) -> None:
        """Settle the answer to the order's key, unless it has been given before."""
        status, body = answer_to(order)
        self._answers.settle(connection, order.key, status, json.dumps(body))


_UNLEASED: dict[str, Any] = {"lease_owner": None}
_COLUMNS = tuple(ORDERS.c[name] for name in Order.__dataclass_fields__)
_INSERT = ORDERS.insert()
_FIND = select(*_COLUMNS).where(ORDERS.c.id == bindparam("of"), ORDERS.c.customer == bindparam("whose"))
_CHANGE = ORDERS.update().where(
    ORDERS.c.id == bindparam("of"),
    ORDERS.c.state == bindparam("seen"),
    ORDERS.c.lease_owner == bindparam("owner"),
    ORDERS.c.tries == bindparam("try"),  # each claim is another lease, also within this process
)


def _in(seconds: float) -> int:
    return time.time_ns() + int(seconds * 1e9)


def _order(row: RowMapping) -> Order:
    return Order(**{**row, "state": State(row["state"])})
