"""Products as users see them. Without inventory they are shown without a badge, and say so.

What the database says is kept in a cache; what inventory says is asked each time, because it is what changes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, select

from target_services.catalog.remote import Badges
from target_services.catalog.search import Search
from target_services.catalog.tables import PRODUCTS
from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.cache import Cache, Found
from target_services.chassis.database import Database
from target_services.chassis.resilience.edge import Edge
from target_services.goods import CURRENCY, price_list

FRESH_S = 2.0
"""For how long a price may be shown that is not the current one."""

KEEP_S = 600.0
"""How old a price may be that is shown, marked as such, while the database is away."""

_LEAK = 2 * 2**20


class Catalog:
    """Shows products."""

    def __init__(self, database: Database, cache: Cache, inventory: Edge) -> None:
        self._db = database
        self._cache = cache
        self._badges = Badges(inventory)
        self._leaked: list[bytearray] = []
        insert = database.insert(PRODUCTS)
        renewed = {column.name: insert.excluded[column.name] for column in PRODUCTS.c if not column.primary_key}
        self._take_over = insert.on_conflict_do_update(index_elements=[PRODUCTS.c.id], set_=renewed)

    async def fill(self) -> None:
        """Take over the price list."""
        rows = [asdict(product) for product in price_list()]
        await self._db.write(lambda connection: connection.execute(self._take_over, rows))

    async def page(self, search: Search, cursor: str | None, limit: int) -> dict[str, Any]:
        """Return one page of products as data. Raises BadCursor."""
        statement = search.statement(cursor, limit)
        if is_planted(Bug.MEMORY_LEAK):
            self._leaked.append(bytearray(_LEAK))

        async def read() -> bytes:
            rows = await self._db.read(lambda connection: connection.execute(statement).all())
            items = [dict(row._mapping, currency=CURRENCY) for row in rows[:limit]]  # noqa: SLF001 - its public name
            return json.dumps({"items": items, "next_cursor": search.next_cursor(rows, limit)}).encode()

        found = await self._cache.get(f"page:{search.digest()}:{limit}:{cursor or ''}", read)
        assert found is not None
        return _marked(found, degraded=False)

    async def product(self, product_id: int) -> dict[str, Any] | None:
        """Return one product with its stock badge; None when there is no such product."""

        async def read() -> bytes | None:
            of = {"of": product_id}
            row = await self._db.read(lambda connection: connection.execute(_PRODUCT, of).one_or_none())
            return None if row is None else json.dumps(dict(row._mapping, currency=CURRENCY)).encode()  # noqa: SLF001

        found = await self._cache.get(f"product:{product_id}", read)
        if found is None:
            return None
        stock = await self._badges.of(product_id)
        return _marked(found, degraded=stock is None) | {"stock": stock}


_PRODUCT = select(PRODUCTS).where(PRODUCTS.c.id == bindparam("of"))


def _marked(found: Found, *, degraded: bool) -> dict[str, Any]:
    """Say of what was kept for too long that it is, and how old."""
    document: dict[str, Any] = json.loads(found.value) | {"degraded": degraded or found.age_s is not None}
    return document if found.age_s is None else document | {"age_s": round(found.age_s, 1)}
