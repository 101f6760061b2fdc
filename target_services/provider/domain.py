"""Charges of the payment provider: at most one per key, and always the same answer for the same key."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping
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
    func,
    literal,
    select,
)

from target_services.chassis import idempotency
from target_services.chassis.audit import Row, nothing, pages, totals
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
    Column("digest", String, nullable=False, server_default="", doc="of the request that the key belongs to"),
    Column("amount_cents", Integer, nullable=False),
    Column("currency", String, nullable=False, server_default="EUR"),
    Column("state", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("charges_by_age", "created_ns", "id"),
)


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as it is stored. `state`: captured, declined, refunded or voided.

    A voided one was given up before it was asked for. It has no amount, and keeps the key from being charged late.
    """

    key: str
    id: str
    digest: str
    amount_cents: int
    currency: str
    state: str


class KeyReused(Exception):
    """The key belongs to a charge of another amount or card."""


class Provider:
    """Takes money from cards, idempotently by key."""

    def __init__(self, database: Database, *, declines: float = 0.0) -> None:
        """`declines`: share of charges that are declined, the same ones for the same keys."""
        self._db = database
        self._insert = database.insert(CHARGES).on_conflict_do_nothing()
        self._declines = declines

    async def charge(self, key: str, amount_cents: int, currency: str, card: str) -> Charge:
        """Charge a card, or return what became of this key before. Raises KeyReused."""
        digest = idempotency.digest(amount_cents, currency, card)
        charge = await self.find(key)
        if charge is None:
            await asyncio.sleep(WORK_S)
            state = "declined" if card == DECLINED_CARD or _draw(key) < self._declines else "captured"
            new = Charge(key, _new_id(), digest, amount_cents, currency, state)
            charge = await self._db.write(lambda connection: self._keep(connection, new))
        if charge.digest not in (digest, _NO_REQUEST):
            raise KeyReused(key)
        return charge

    async def refund(self, key: str) -> Charge:
        """Give the money of a key back, if it was taken; if not, see to it that it never is."""
        fence = Charge(key, _new_id(), _NO_REQUEST, 0, "", "voided")

        def give_back(connection: Connection) -> Charge:
            connection.execute(_REFUND, {"of": key})
            return self._keep(connection, fence)

        return await self._db.write(give_back)

    def _keep(self, connection: Connection, new: Charge) -> Charge:
        connection.execute(self._insert, {**asdict(new), "created_ns": time.time_ns()})
        stored = _find(connection, new.key)
        assert stored is not None
        return stored

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
        taken = query.where(CHARGES.c.state.in_(("captured", "refunded")))
        return pages(self._db, taken, CHARGES.c.created_ns, CHARGES.c.id, since_ns)

    async def pending(self) -> int:
        """Return 0: a charge is done or it is not there."""
        return 0

    async def totals(self) -> Mapping[str, int]:
        """Return what was taken from cards, and what of it was given back."""
        amount, state = CHARGES.c.amount_cents, CHARGES.c.state
        return await totals(
            self._db,
            captured_cents=func.sum(amount).filter(state.in_(("captured", "refunded"))),
            refunded_cents=func.sum(amount).filter(state == "refunded"),
        )


_NO_REQUEST = ""
"""Stands where the digest of a request would be: nothing was asked for yet, or before digests were kept."""

_BY_KEY = select(*(CHARGES.c[name] for name in Charge.__dataclass_fields__)).where(CHARGES.c.key == bindparam("of"))
_REFUND = (
    CHARGES.update().where(CHARGES.c.key == bindparam("of"), CHARGES.c.state == "captured").values(state="refunded")
)


def _find(connection: Connection, key: str) -> Charge | None:
    row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
    return Charge(*row) if row is not None else None


def _new_id() -> str:
    return f"ch_{uuid.uuid4().hex[:16]}"


def _draw(key: str) -> float:
    """Return a number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=6).digest()) / 2**48
