"""Stock and reservations: nothing is sold twice, whoever asks how often.

Goods move between three heaps (on hand, reserved, sold) whose sum never changes. Each move is one conditional
statement in the transaction that changes the reservation, so two buyers cannot both get the last piece.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from target_services.chassis.audit import Row, nothing
from target_services.chassis.database import Database
from target_services.goods import STOCK_OF_EACH, price_list

HOLD_NS = 15 * 60 * 1_000_000_000
"""How long goods are held for an order that is not paid."""

SCHEMA = MetaData()
STOCK = Table(
    "stock",
    SCHEMA,
    Column("product_id", Integer, primary_key=True),
    Column("on_hand", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("sold", Integer, nullable=False),
)
RESERVATIONS = Table(
    "reservations",
    SCHEMA,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("product_id", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("created_ns", BigInteger, nullable=False, index=True),
    Index("reservations_by_expiry", "state", "expires_ns"),
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Goods set aside. `state`: held, confirmed, released or expired."""

    key: str
    id: str
    product_id: int
    quantity: int
    state: str
    expires_ns: int


class OutOfStock(Exception):
    """There is not that much on hand."""


class KeyReused(Exception):
    """The key belongs to a reservation of other goods."""


class Inventory:
    """Keeps the stock."""

    def __init__(self, database: Database, *, stock_of_each: int = STOCK_OF_EACH) -> None:
        self._db = database
        self._stock_of_each = stock_of_each

    async def fill(self) -> None:
        """Put every product on the shelf that was never there."""
        rows = [
            {"product_id": product.id, "on_hand": self._stock_of_each, "reserved": 0, "sold": 0}
            for product in price_list()
        ]
        async with self._db.write() as connection:
            await connection.execute(self._db.insert(STOCK).on_conflict_do_nothing(), rows)

    async def on_hand(self, product_id: int) -> int | None:
        """Return how many can be sold right now; None for an unknown product."""
        async with self._db.read() as connection:
            query = select(STOCK.c.on_hand).where(STOCK.c.product_id == product_id)
            return (await connection.execute(query)).scalar_one_or_none()

    async def reserve(self, key: str, product_id: int, quantity: int) -> Reservation:
        """Set goods aside, once per key. One that expired is taken up again, a released one never."""
        async with self._db.write() as connection:
            known = await _find(connection, key)
            if known is not None and (known.product_id, known.quantity) != (product_id, quantity):
                raise KeyReused(key)
            if known is not None and known.state != "expired":
                return known
            await _move(connection, product_id, quantity, source="on_hand", target="reserved")
            held = Reservation(
                key, f"res_{uuid.uuid4().hex[:16]}", product_id, quantity, "held", time.time_ns() + HOLD_NS
            )
            if known is not None:
                held = replace(held, id=known.id)
                await _set(connection, key, state="held", expires_ns=held.expires_ns)
            else:
                await connection.execute(RESERVATIONS.insert(), _row(held))
            return held

    async def confirm(self, key: str) -> Reservation | None:
        """Sell what is reserved. Goods whose reservation expired are sold if they are still there."""
        async with self._db.write() as connection:
            known = await _find(connection, key)
            if known is None or known.state in ("confirmed", "released"):
                return known
            source = "reserved" if known.state == "held" else "on_hand"
            await _move(connection, known.product_id, known.quantity, source=source, target="sold")
            await _set(connection, key, state="confirmed")
            return replace(known, state="confirmed")

    async def release(self, key: str) -> Reservation | None:
        """Put back what is reserved, or was sold."""
        async with self._db.write() as connection:
            known = await _find(connection, key)
            if known is None or known.state in ("released", "expired"):
                return known
            source = "reserved" if known.state == "held" else "sold"
            await _move(connection, known.product_id, known.quantity, source=source, target="on_hand")
            await _set(connection, key, state="released")
            return replace(known, state="released")

    async def expire(self, now_ns: int) -> int:
        """Put back what was held for too long. Returns how many reservations lapsed."""
        lapsed = (RESERVATIONS.c.state == "held") & (RESERVATIONS.c.expires_ns <= now_ns)
        async with self._db.read() as connection:
            if (await connection.execute(select(RESERVATIONS.c.key).where(lapsed).limit(1))).first() is None:
                return 0
        async with self._db.write() as connection:
            rows = (await connection.execute(_RESERVATION.where(lapsed).limit(200))).all()
            for reservation in (Reservation(*row) for row in rows):
                await _move(
                    connection,
                    reservation.product_id,
                    reservation.quantity,
                    source="reserved",
                    target="on_hand",
                )
                await _set(connection, reservation.key, state="expired")
        return len(rows)

    def records(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield nothing: a reservation is a means, the order is what was promised."""
        return nothing(since_ns)

    async def effects(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield every reservation that was ever made."""
        columns = select(RESERVATIONS.c.key, RESERVATIONS.c.id, RESERVATIONS.c.state)
        query = columns.where(RESERVATIONS.c.created_ns >= since_ns).order_by(RESERVATIONS.c.created_ns)
        async with self._db.read() as connection, connection.stream(query) as rows:
            async for key, id_, state in rows:
                yield {"kind": "reservation", "key": key, "id": id_, "state": state}

    async def pending(self) -> int:
        """Return 0: a reservation is never half made, and orders ends it."""
        return 0


_RESERVATION = select(
    *(RESERVATIONS.c[name] for name in ("key", "id", "product_id", "quantity", "state", "expires_ns"))
)


def _row(held: Reservation) -> dict[str, object]:
    return {
        "key": held.key,
        "id": held.id,
        "product_id": held.product_id,
        "quantity": held.quantity,
        "state": held.state,
        "expires_ns": held.expires_ns,
        "created_ns": time.time_ns(),
    }


async def _find(connection: AsyncConnection, key: str) -> Reservation | None:
    row = (await connection.execute(_RESERVATION.where(RESERVATIONS.c.key == key).with_for_update())).one_or_none()
    return Reservation(*row) if row is not None else None


async def _set(connection: AsyncConnection, key: str, **values: object) -> None:
    await connection.execute(RESERVATIONS.update().where(RESERVATIONS.c.key == key).values(**values))


async def _move(connection: AsyncConnection, product_id: int, quantity: int, *, source: str, target: str) -> None:
    enough = (STOCK.c.product_id == product_id) & (STOCK.c[source] >= quantity)
    change = {source: STOCK.c[source] - quantity, target: STOCK.c[target] + quantity}
    if (await connection.execute(STOCK.update().where(enough).values(change))).rowcount != 1:
        raise OutOfStock(product_id)
