"""Products as users see them. Without inventory they are shown without a badge, and say so."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, select

from target_services.chassis.cursors import Cursors
from target_services.chassis.database import Database
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call
from target_services.goods import price_list

SCHEMA = MetaData()
PRODUCTS = Table(
    "products",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("price_cents", Integer, nullable=False),
)

LARGEST_ID = 2**31 - 1
"""What every database can take for an integer."""

_LOW = 10
_CURSORS = Cursors("products", int)


@dataclass(frozen=True, slots=True)
class Page:
    """Some products, and where the next ones begin."""

    items: list[dict[str, object]]
    next_cursor: str | None


class Catalog:
    """Shows products."""

    def __init__(self, database: Database, inventory: Edge) -> None:
        self._db = database
        self._inventory = inventory

    async def fill(self) -> None:
        """Take over the price list."""
        rows = [asdict(product) for product in price_list()]
        fill = self._db.insert(PRODUCTS).on_conflict_do_nothing()
        await self._db.write(lambda connection: connection.execute(fill, rows))

    async def page(self, cursor: str | None, limit: int) -> Page:
        """Return one page of products."""
        (after,) = _CURSORS.read(cursor) if cursor is not None else (0,)
        window = {"after": after, "most": limit + 1}
        rows = await self._db.read(lambda connection: connection.execute(_PAGE, window).all())
        items: list[dict[str, object]] = [
            {"id": id_, "name": name, "price_cents": price} for id_, name, price in rows[:limit]
        ]
        return Page(items, _CURSORS.page(rows, limit, lambda row: (row[0],)))

    async def product(self, product_id: int) -> dict[str, object] | None:
        """Return one product with its stock badge; None when there is no such product."""
        of = {"of": product_id}
        row = await self._db.read(lambda connection: connection.execute(_PRODUCT, of).one_or_none())
        if row is None:
            return None
        stock = await self._inventory.call(Call("GET", f"/v1/stock/{product_id}"), _badge, fallback=_without_badge)
        return {**row._mapping, "stock": stock, "degraded": stock is None}  # noqa: SLF001 - its public name


_PAGE = (
    select(PRODUCTS.c.id, PRODUCTS.c.name, PRODUCTS.c.price_cents)
    .where(PRODUCTS.c.id > bindparam("after"))
    .order_by(PRODUCTS.c.id)
    .limit(bindparam("most", type_=Integer))
)
_PRODUCT = select(PRODUCTS).where(PRODUCTS.c.id == bindparam("of"))


def _badge(answer: Answer) -> dict[str, object] | None:
    document = answer.json()
    if answer.status != 200 or not isinstance(document, dict) or not isinstance(document["on_hand"], int):
        raise ValueError(f"inventory answered {answer.status}")
    on_hand: int = document["on_hand"]
    level = "in_stock" if on_hand > _LOW else "low" if on_hand > 0 else "sold_out"
    return {"level": level, "on_hand": on_hand}


async def _without_badge(_: CallFailed) -> dict[str, object] | None:
    return None
