"""Captures: money that was taken, or is about to be, at most once per idempotency key.

A capture is written down before the provider is asked. When the answer is lost, the same key asks again and
the provider gives the same answer, so nothing is taken twice and nothing is forgotten.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
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
    bindparam,
    func,
    literal,
    select,
)

from target_services.chassis.audit import Row, nothing, pages
from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.database import Database
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.wire import Answer, Call

SCHEMA = MetaData()
CAPTURES = Table(
    "captures",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False, index=True),
    Column("charge_key", String, nullable=False, unique=True),
    Column("order_id", String, nullable=False),
    Column("amount_cents", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("captures_by_age", "created_ns", "id"),
)


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture as it is stored. `state`: pending, captured, declined or refunded.

    `charge_key` is the key under which the provider knows it: that of the request.
    """

    id: str
    key: str
    charge_key: str
    order_id: str
    amount_cents: int
    state: str


class KeyReused(Exception):
    """The key belongs to a capture for another order or amount."""


class Payments:
    """Captures and refunds payments through the provider."""

    def __init__(self, database: Database, provider: Edge) -> None:
        self._db = database
        self._insert = database.insert(CAPTURES).on_conflict_do_nothing()
        self._provider = provider

    async def capture(self, key: str, order_id: str, amount_cents: int, card: str) -> Capture:
        """Take the money, or return what became of this key before. On CallFailed it is pending."""
        capture = await self._begin(key, order_id, amount_cents)
        if capture.state != "pending":
            return capture
        charge = Call(
            "POST",
            "/v1/charges",
            {"amount_cents": amount_cents, "card": card},
            idempotency_key=capture.charge_key,
        )
        return await self._settle(capture, await self._provider.call(charge, _charged))

    async def refund(self, key: str) -> Capture | None:
        """Give the money back, once. None when nothing was ever begun under this key."""
        capture = await self.find(key)
        if capture is None or capture.state != "captured":
            return capture
        path = f"/v1/charges/{capture.charge_key}/refund"
        refund = Call("POST", path, idempotency_key=f"{capture.charge_key}-refund")
        return await self._settle(capture, await self._provider.call(refund, _state))

    async def find(self, key: str) -> Capture | None:
        """Return the capture of a key, if there is one."""

        def first(connection: Connection) -> Capture | None:
            row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
            return Capture(*row) if row is not None else None

        return await self._db.read(first)

    async def _begin(self, key: str, order_id: str, amount_cents: int) -> Capture:
        new_id = f"cap_{uuid.uuid4().hex[:16]}"
        charge_key = new_id if is_planted(Bug.IDEMPOTENCY_IGNORED) else key
        new = Capture(new_id, key, charge_key, order_id, amount_cents, "pending")

        def store(connection: Connection) -> Capture:
            row = {**asdict(new), "created_ns": time.time_ns()}
            connection.execute(self._insert, row)
            return Capture(*connection.execute(_BY_CHARGE_KEY, {"of": charge_key}).one())

        capture = await self._db.write(store)
        if (capture.order_id, capture.amount_cents) != (order_id, amount_cents):
            raise KeyReused(key)
        return capture

    async def _settle(self, capture: Capture, state: str) -> Capture:
        await self._db.write(lambda connection: connection.execute(_SETTLE, {"of": capture.id, "now": state}))
        return replace(capture, state=state)

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield nothing: a capture is a means, the order is what was promised."""
        return nothing(since_ns)

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every capture that took money, also where it was given back."""
        kind = literal("capture").label("kind")
        query = select(kind, CAPTURES.c.key, CAPTURES.c.id, CAPTURES.c.state, CAPTURES.c.created_ns)
        taken = query.where(CAPTURES.c.state.in_(("captured", "refunded")))
        return pages(self._db, taken, CAPTURES.c.created_ns, CAPTURES.c.id, since_ns)

    async def pending(self) -> int:
        """Return how many captures have no answer of the provider yet."""
        count = select(func.count()).select_from(CAPTURES).where(CAPTURES.c.state == "pending")
        return await self._db.read(lambda connection: int(connection.execute(count).scalar_one()))


_CAPTURE = select(
    CAPTURES.c.id,
    CAPTURES.c.key,
    CAPTURES.c.charge_key,
    CAPTURES.c.order_id,
    CAPTURES.c.amount_cents,
    CAPTURES.c.state,
)
_BY_KEY = _CAPTURE.where(CAPTURES.c.key == bindparam("of")).order_by(CAPTURES.c.created_ns).limit(1)
_BY_CHARGE_KEY = _CAPTURE.where(CAPTURES.c.charge_key == bindparam("of"))
_SETTLE = CAPTURES.update().where(CAPTURES.c.id == bindparam("of")).values(state=bindparam("now"))


def _charged(answer: Answer) -> str:
    if answer.problem() == "card-declined":
        return "declined"
    return _state(answer)


def _state(answer: Answer) -> str:
    document = answer.json()
    if answer.status >= 400 or not isinstance(document, dict):
        raise ValueError(f"the provider answered {answer.status}")
    state = document["state"]
    if state not in ("captured", "refunded"):
        raise ValueError(f"a charge cannot be {state!r}")
    return str(state)
