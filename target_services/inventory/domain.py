"""Stock and reservations: nothing is sold twice, whoever asks how often.

Goods move between three heaps (on hand, reserved, sold) whose sum never changes. Each move is one conditional
statement in the transaction that changes the reservation, so two buyers cannot both get the last piece. Whoever
changes a reservation locks it first, and moves goods last: no two of them can wait for each other.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Update,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
)

from target_services.chassis.audit import Row, nothing, pages, totals
from target_services.chassis.bugs import Bug, is_planted
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
    Column("created_ns", BigInteger, nullable=False),
    Index("reservations_by_age", "created_ns", "id"),
    Index("reservations_by_expiry", "state", "expires_ns"),
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Goods set aside. `state`: held, confirmed, released or expired. No quantity: released before it was asked for."""

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
        self._first = database.insert(RESERVATIONS).on_conflict_do_nothing()

    async def fill(self) -> None:
        """Put every product on the shelf that was never there."""
        rows = [
            {"product_id": product.id, "on_hand": self._stock_of_each, "reserved": 0, "sold": 0}
            for product in price_list()
        ]
        fill = self._db.insert(STOCK).on_conflict_do_nothing()
        await self._db.write(lambda connection: connection.execute(fill, rows))

    async def on_hand(self, product_id: int) -> int | None:
        """Return how many can be sold right now; None for an unknown product."""
        of = {"of": product_id}
        return await self._db.read(lambda connection: connection.execute(_ON_HAND, of).scalar_one_or_none())

    async def reserve(self, key: str, product_id: int, quantity: int) -> Reservation:
        """Set goods aside, once per key. One that expired is taken up again, a released one never."""
        new = Reservation(key, _new_id(), product_id, quantity, "held", time.time_ns() + HOLD_NS)
        seen = await self.on_hand(product_id) if is_planted(Bug.OVERSELL) else None
        return await self._db.write(lambda connection: self._reserve(connection, new, seen))

    async def confirm(self, key: str) -> Reservation | None:
        """Sell what is reserved. Goods whose reservation expired are sold if they are still there."""
        return await self._db.write(lambda connection: _confirm(connection, key))

    async def release(self, key: str) -> Reservation:
        """Put back what is reserved, or was sold. A request for it that comes later finds it released."""
        never = Reservation(key, _new_id(), 0, 0, "released", 0)
        return await self._db.write(lambda connection: self._release(connection, never))

    async def expire(self, now_ns: int) -> int:
        """Put back what was held for too long. Returns how many reservations lapsed."""
        return await self._db.write(
            lambda connection: sum(_put_back(connection, held, "expired") for held in _lapsed(connection, now_ns))
        )

    def _reserve(self, connection: Connection, new: Reservation, seen: int | None) -> Reservation:
        if connection.execute(self._first, {**asdict(new), "created_ns": time.time_ns()}).rowcount == 1:
            _take(connection, new, seen)
            return new
        known = _find(connection, new.key)
        assert known is not None
        if known.quantity and (known.product_id, known.quantity) != (new.product_id, new.quantity):
            raise KeyReused(new.key)
        if known.state != "expired":
            return known
        _take(connection, new, seen)
        return _set(connection, replace(new, id=known.id), "held")

    def _release(self, connection: Connection, never: Reservation) -> Reservation:
        if connection.execute(self._first, {**asdict(never), "created_ns": time.time_ns()}).rowcount == 1:
            return never
        known = _find(connection, never.key)
        assert known is not None
        if known.state == "released":
            return known
        if known.state == "expired":
            return _set(connection, known, "released")  # its goods are back, and must not be taken up again
        _put_back(connection, known, "released")
        return replace(known, state="released")

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield nothing: a reservation is a means, the order is what was promised."""
        return nothing(since_ns)

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every reservation that was ever made, and what it took of which product."""
        return pages(self._db, _EFFECTS, RESERVATIONS.c.created_ns, RESERVATIONS.c.id, since_ns)

    async def pending(self) -> int:
        """Return 0: a reservation is never half made, and orders ends it."""
        return 0

    async def totals(self) -> Mapping[str, int]:
        """Return the three heaps; moving goods does not change their sum."""
        return await totals(self._db, **{heap: func.sum(STOCK.c[heap]) for heap in _HEAPS})

    async def parts(self) -> Mapping[str, Mapping[str, int]]:
        """Return the three heaps of each product: which one was oversold is seen here only."""
        rows = await self._db.read(lambda connection: connection.execute(_HEAPS_OF_EACH).all())
        return {f"product {product}": dict(zip(_HEAPS, heaps, strict=True)) for product, *heaps in rows}


_RESERVATION = select(
    *(RESERVATIONS.c[name] for name in ("key", "id", "product_id", "quantity", "state", "expires_ns"))
)
_BY_KEY = _RESERVATION.where(RESERVATIONS.c.key == bindparam("of")).with_for_update()
_HAS_LAPSED = or_(
    RESERVATIONS.c.expires_ns <= bindparam("now"),
    RESERVATIONS.c.expires_ns > bindparam("jumped"),  # it was made before the clock was set back
)
_LAPSED = (
    _RESERVATION.where(RESERVATIONS.c.state == "held", _HAS_LAPSED)
    .order_by(RESERVATIONS.c.product_id)  # whoever else moves several goods does it in this order
    .limit(200)
    .with_for_update(skip_locked=True)
)
_SET = (
    RESERVATIONS.update()
    .where(RESERVATIONS.c.key == bindparam("of"))
    .values(state=bindparam("now"), expires_ns=bindparam("until"))
)
_ON_HAND = select(STOCK.c.on_hand).where(STOCK.c.product_id == bindparam("of"))


def _moving(source: str, target: str) -> Update:
    pieces = bindparam("pieces", type_=Integer)
    enough = (STOCK.c.product_id == bindparam("of")) & (STOCK.c[source] >= pieces)
    return STOCK.update().where(enough).values({source: STOCK.c[source] - pieces, target: STOCK.c[target] + pieces})


_TAKE_FROM_SEEN = (
    STOCK.update()
    .where(STOCK.c.product_id == bindparam("of"))
    .values(on_hand=bindparam("left", type_=Integer), reserved=STOCK.c.reserved + bindparam("pieces", type_=Integer))
)
_HEAPS = ("on_hand", "reserved", "sold")
_HEAPS_OF_EACH = select(STOCK.c.product_id, *(STOCK.c[heap] for heap in _HEAPS)).order_by(STOCK.c.product_id)
_EFFECTS = select(
    literal("reservation").label("kind"),
    *(RESERVATIONS.c[name] for name in ("key", "id", "state", "created_ns")),
    (literal("product ") + cast(RESERVATIONS.c.product_id, String)).label("part"),
    RESERVATIONS.c.quantity.label("amount"),
    RESERVATIONS.c.created_ns.label("at_wall_ns"),
).where(RESERVATIONS.c.quantity > 0)
_MOVE = {(a, b): _moving(a, b) for a in _HEAPS for b in _HEAPS if a != b}


def _lapsed(connection: Connection, now_ns: int) -> list[Reservation]:
    return [Reservation(*row) for row in connection.execute(_LAPSED, {"now": now_ns, "jumped": now_ns + 2 * HOLD_NS})]


def _confirm(connection: Connection, key: str) -> Reservation | None:
    known = _find(connection, key)
    if known is None or known.state in ("confirmed", "released"):
        return known
    _move(connection, known, source="reserved" if known.state == "held" else "on_hand", target="sold")
    return _set(connection, known, "confirmed")


def _put_back(connection: Connection, known: Reservation, state: str) -> int:
    _move(connection, known, source="reserved" if known.state == "held" else "sold", target="on_hand")
    _set(connection, known, state)
    return 1


def _new_id() -> str:
    return f"res_{uuid.uuid4().hex[:16]}"


def _find(connection: Connection, key: str) -> Reservation | None:
    row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
    return Reservation(*row) if row is not None else None


def _set(connection: Connection, known: Reservation, state: str) -> Reservation:
    connection.execute(_SET, {"of": known.key, "now": state, "until": known.expires_ns})
    return replace(known, state=state)


def _take(connection: Connection, goods: Reservation, seen: int | None) -> None:
    """Take goods off the shelf. `seen` is set by the bug only: how many were there a moment ago."""
    if seen is None:
        _move(connection, goods, source="on_hand", target="reserved")
    elif seen < goods.quantity:
        raise OutOfStock(goods.product_id)
    else:
        left = seen - goods.quantity
        connection.execute(_TAKE_FROM_SEEN, {"of": goods.product_id, "pieces": goods.quantity, "left": left})


def _move(connection: Connection, goods: Reservation, *, source: str, target: str) -> None:
    move = _MOVE[source, target]
    if connection.execute(move, {"of": goods.product_id, "pieces": goods.quantity}).rowcount != 1:
        raise OutOfStock(goods.product_id)
