"""Orders as lists, the newest first: those of one customer, and all of them for admins."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import RowMapping, select, tuple_
from starlette.responses import Response

from target_services.chassis.cursors import Cursor, Cursors, Limit
from target_services.chassis.database import Database
from target_services.chassis.openapi import answers
from target_services.orders.model import Order, State
from target_services.orders.shapes import Customer, OrderPage, OrderPageOfAll
from target_services.orders.tables import ORDERS

_CURSORS = Cursors("orders", int, str)
_FIELDS = tuple(Order.__dataclass_fields__)
_NEWEST_FIRST = select(*(ORDERS.c[name] for name in _FIELDS)).order_by(ORDERS.c.created_ns.desc(), ORDERS.c.id.desc())


class OrderLists:
    """Pages of orders."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, cursor: str | None, most: int, *, customer: str | None = None) -> dict[str, object]:
        """Return a page of a customer's orders, or of all, with whose they are. Raises BadCursor."""
        query = _NEWEST_FIRST.limit(most + 1)
        if customer is not None:
            query = query.where(ORDERS.c.customer == customer)
        if cursor is not None:
            query = query.where(tuple_(ORDERS.c.created_ns, ORDERS.c.id) < _CURSORS.read(cursor))
        rows = await self._db.read(lambda connection: connection.execute(query).mappings().all())
        items = [_shown(row, whose=customer is None) for row in rows[:most]]
        return {"items": items, "next_cursor": _CURSORS.page(rows, most, lambda row: (row["created_ns"], row["id"]))}


def _shown(row: RowMapping, *, whose: bool) -> dict[str, object]:
    order = Order(**{name: row[name] for name in _FIELDS} | {"state": State(row["state"])})
    return order.document() | ({"customer": order.customer} if whose else {})


def routes(app: FastAPI, lists: OrderLists) -> None:
    """Add the lists to the API of orders. The gateway lets only admins ask for all."""

    @app.get("/v1/orders", **answers(OrderPage, problems={400: "bad-cursor"}))
    async def list_own(customer: Customer, cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List a customer's orders, the newest first."""
        return JSONResponse(await lists.page(cursor, limit, customer=customer))

    @app.get("/v1/admin/orders", **answers(OrderPageOfAll, problems={400: "bad-cursor"}))
    async def list_everybodys(cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List everybody's orders, the newest first."""
        return JSONResponse(await lists.page(cursor, limit))
