"""Charges of the payment provider: at most one per key, and always the same answer for the same key."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    literal,
    select,
)

from target_services.chassis.audit import Row, nothing, pages
from target_services.chassis.database import Database

WORK_S = 0.015
"""How long the provider takes to ask the card's bank."""

DECLINED_CARD = "tok_declined"
"""The test card that is always declined."""

SCHEMA = MetaData()
CHARGES = Table(
    "charges",
    SCHEMA,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("amount_cents", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("charges_by_age", "created_ns", "id"),
)


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as it is stored. `state`: captured, declined or refunded."""

    key: str
    id: str
    amount_cents: int
    state: str


class KeyReused(Exception):
    """The key belongs to a charge of another amount."""


class Provider:
    """Takes money from cards, idempotently by key."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._insert = database.insert(CHARGES).on_conflict_do_nothing()

    async def charge(self, key: str, amount_cents: int, card: str) -> Charge:
        """Charge a card, or return what became of this key before."""
        if (known := await self.find(key)) is not None:
            return _same(known, amount_cents)
        await asyncio.sleep(WORK_S)
        state = "declined" if card == DECLINED_CARD else "captured"
        new = Charge(key, f"ch_{uuid.uuid4().hex[:16]}", amount_cents, state)

        def store(connection: Connection) -> Charge:
            row = {**asdict(new), "created_ns": time.time_ns()}
            connection.execute(self._insert, row)
            stored = _find(connection, key)
            assert stored is not None
            return stored

        return _same(await self._db.write(store), amount_cents)

    async def refund(self, key: str) -> Charge | None:
        """Give the money of a key back, if it was taken."""

        def give_back(connection: Connection) -> Charge | None:
            connection.execute(_REFUND, {"of": key})
            return _find(connection, key)

        return await self._db.write(give_back)

    async def find(self, key: str) -> Charge | None:
        """Return the charge of a key, if there is one."""
        return await self._db.read(lambda connection: _find(connection, key))

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield nothing: the provider promises nothing to the shop's clients."""
        return nothing(since_ns)

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every charge that took money."""
        kind = literal("charge").label("kind")
        query = select(kind, CHARGES.c.key, CHARGES.c.id, CHARGES.c.state, CHARGES.c.created_ns)
        taken = query.where(CHARGES.c.state != "declined")
        return pages(self._db, taken, CHARGES.c.created_ns, CHARGES.c.id, since_ns)

    async def pending(self) -> int:
        """Return 0: a charge is done or it is not there."""
        return 0


_BY_KEY = select(CHARGES.c.key, CHARGES.c.id, CHARGES.c.amount_cents, CHARGES.c.state).where(
    CHARGES.c.key == bindparam("of")
)
_REFUND = (
    CHARGES.update().where(CHARGES.c.key == bindparam("of"), CHARGES.c.state == "captured").values(state="refunded")
)


def _find(connection: Connection, key: str) -> Charge | None:
    row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
    return Charge(*row) if row is not None else None


def _same(charge: Charge, amount_cents: int) -> Charge:
    if charge.amount_cents != amount_cents:
        raise KeyReused(charge.key)
    return charge
