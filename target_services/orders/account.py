"""What orders tells the workbench: every order, whether it is finished, and what it has earned."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import func, select

from target_services.chassis import audit
from target_services.chassis.audit import Row
from target_services.chassis.database import Database
from target_services.orders.model import State, shown
from target_services.orders.tables import ORDERS, OUTBOX


class OrderAccount:
    """The audit of orders."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every order as what its client was promised, with the trace that it came from."""
        query = _SHOWN.add_columns(ORDERS.c.final, ORDERS.c.traceparent)
        async for page in audit.pages(self._db, query, ORDERS.c.created_ns, ORDERS.c.id, since_ns):
            yield [
                {**_effect(row), "terminal": bool(row["final"]), "trace_id": _trace_id(row["traceparent"])}
                for row in page
            ]

    async def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every order as something that must exist once per key."""
        async for page in audit.pages(self._db, _SHOWN, ORDERS.c.created_ns, ORDERS.c.id, since_ns):
            yield [_effect(row) for row in page]

    async def pending(self) -> int:
        """Return how many orders are not at their end."""
        count = select(func.count()).select_from(ORDERS).where(~ORDERS.c.final)
        return await self._db.read(lambda connection: int(connection.execute(count).scalar_one()))

    async def totals(self) -> Mapping[str, int]:
        """Return what all confirmed orders are worth, and how many messages about them have not arrived."""
        confirmed = select(func.sum(ORDERS.c.total_cents)).where(ORDERS.c.state == State.CONFIRMED)
        undelivered = select(func.count()).select_from(OUTBOX)
        return await audit.totals(
            self._db, confirmed_cents=confirmed.scalar_subquery(), outbox=undelivered.scalar_subquery()
        )


_SHOWN = select(ORDERS.c.id, ORDERS.c.key, ORDERS.c.state, ORDERS.c.queued, ORDERS.c.created_ns)


def _effect(row: Mapping[str, Any]) -> dict[str, object]:
    state = shown(State(row["state"]), queued=row["queued"])
    return {"kind": "order", "key": row["key"], "id": row["id"], "state": state}


def _trace_id(traceparent: object) -> str | None:
    return traceparent.split("-")[1] if isinstance(traceparent, str) else None
