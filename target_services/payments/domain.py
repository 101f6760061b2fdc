"""Captures: money that was taken, or is about to be, at most once per idempotency key.

A capture is written down before the provider is asked. When the answer is lost, the same key asks again and
the provider gives the same answer, so nothing is taken twice and nothing is forgotten.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Select, String, Table, func, select

from target_services.chassis.audit import Row
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
    Index("captures_by_age", "created_ns"),
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
        async with self._db.read() as connection:
            row = (await connection.execute(_CAPTURE.where(CAPTURES.c.key == key).limit(1))).one_or_none()
        return Capture(*row) if row is not None else None

    async def _begin(self, key: str, order_id: str, amount_cents: int) -> Capture:
        new_id = f"cap_{uuid.uuid4().hex[:16]}"
        charge_key = new_id if is_planted(Bug.IDEMPOTENCY_IGNORED) else key
        row = {
            "id": new_id,
            "key": key,
            "charge_key": charge_key,
            "order_id": order_id,
            "amount_cents": amount_cents,
            "state": "pending",
            "created_ns": time.time_ns(),
        }
        async with self._db.write() as connection:
            await connection.execute(self._db.insert(CAPTURES).on_conflict_do_nothing(), row)
            stored = await connection.execute(_CAPTURE.where(CAPTURES.c.charge_key == charge_key))
            capture = Capture(*stored.one())
        if (capture.order_id, capture.amount_cents) != (order_id, amount_cents):
            raise KeyReused(key)
        return capture

    async def _settle(self, capture: Capture, state: str) -> Capture:
        async with self._db.write() as connection:
            change = CAPTURES.update().where(CAPTURES.c.id == capture.id)
            await connection.execute(change.values(state=state))
        return replace(capture, state=state)

    async def records(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield every capture that was begun, as what orders was promised."""
        async with self._db.read() as connection, connection.stream(_since(since_ns)) as rows:
            async for id_, key, state in rows:
                yield {
                    "kind": "capture",
                    "id": id_,
                    "key": key,
                    "state": state,
                    "terminal": state != "pending",
                }

    async def effects(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield every capture that took money, also where it was given back."""
        taken = _since(since_ns).where(CAPTURES.c.state.in_(("captured", "refunded")))
        async with self._db.read() as connection, connection.stream(taken) as rows:
            async for id_, key, state in rows:
                yield {"kind": "capture", "key": key, "id": id_, "state": state}

    async def pending(self) -> int:
        """Return how many captures have no answer of the provider yet."""
        async with self._db.read() as connection:
            count = select(func.count()).select_from(CAPTURES).where(CAPTURES.c.state == "pending")
            return int((await connection.execute(count)).scalar_one())


_CAPTURE = select(
    CAPTURES.c.id,
    CAPTURES.c.key,
    CAPTURES.c.charge_key,
    CAPTURES.c.order_id,
    CAPTURES.c.amount_cents,
    CAPTURES.c.state,
)


def _since(since_ns: int) -> Select[tuple[str, str, str]]:
    columns = select(CAPTURES.c.id, CAPTURES.c.key, CAPTURES.c.state)
    return columns.where(CAPTURES.c.created_ns >= since_ns).order_by(CAPTURES.c.created_ns)


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
