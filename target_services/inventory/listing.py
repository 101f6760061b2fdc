"""The stock as a list, for admins: by product, with what of it is reserved and sold."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import select
from starlette.responses import Response

from target_services.chassis.cursors import Cursor, Cursors, Limit
from target_services.chassis.database import Database
from target_services.chassis.openapi import answers
from target_services.inventory.domain import STOCK
from target_services.inventory.shapes import LARGEST_ID, StockPage

_CURSORS = Cursors("stock", int, largest=LARGEST_ID)
_BY_PRODUCT = select(STOCK.c.product_id, STOCK.c.on_hand, STOCK.c.reserved, STOCK.c.sold).order_by(STOCK.c.product_id)


class StockList:
    """Pages of the stock."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, cursor: str | None, most: int) -> dict[str, object]:
        """Return a page, by product. Raises BadCursor."""
        query = _BY_PRODUCT.limit(most + 1)
        if cursor is not None:
            query = query.where(STOCK.c.product_id > _CURSORS.read(cursor)[0])
        rows = await self._db.read(lambda connection: connection.execute(query).mappings().all())
        next_cursor = _CURSORS.page(rows, most, lambda row: (row["product_id"],))
        return {"items": [dict(row) for row in rows[:most]], "next_cursor": next_cursor}


def routes(app: FastAPI, stock: StockList) -> None:
    """Add the list to the API of inventory. The gateway lets only admins ask for it."""

    @app.get("/v1/admin/stock", **answers(StockPage, problems={400: "bad-cursor"}))
    async def list_stock(cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List the stock of all products, by product."""
        return JSONResponse(await stock.page(cursor, limit))
