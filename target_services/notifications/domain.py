"""Notifications: one for each confirmed order. To send one is to write it down, in the transaction of the inbox."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, String, Table, literal, select, tuple_

from target_services.chassis.audit import Row, nothing, pages
from target_services.chassis.database import Database
from target_services.chassis.dead_letters import DeadLetter, DeadLetters, dead_letter_table
from target_services.chassis.envelope import Envelope, Unintelligible, describe
from target_services.chassis.inbox import inbox_table

SCHEMA = MetaData()
NOTIFICATIONS = Table(
    "notifications",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("order_id", String, nullable=False),
    Column("order_key", String, nullable=False),
    Column("customer", String, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("notifications_by_customer", "customer", "created_ns", "id"),
    Index("notifications_by_age", "created_ns", "id"),
)
INBOX = inbox_table(SCHEMA)
DEAD_LETTERS = dead_letter_table(SCHEMA)

ORDER_CONFIRMED = "order.confirmed"

_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class OrderConfirmed(BaseModel):
    """What this service needs to know of a confirmed order. What else the event tells is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: _Word
    order_key: _Word
    customer: _Word
    total_cents: Annotated[int, Field(gt=0, le=2**63 - 1, strict=True)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification as it is stored."""

    id: str
    order_id: str
    total_cents: int
    currency: str
    state: str
    created_ns: int

    def document(self) -> dict[str, object]:
        """Return what its customer is shown."""
        return asdict(self)


class Notifications:
    """Sends notifications, and tells what was sent and what could not be understood."""

    def __init__(
        self, database: Database, dead_letters: DeadLetters, on_their_way: Callable[[], Awaitable[int]]
    ) -> None:
        """`on_their_way` tells how many messages were accepted and have had no effect yet."""
        self._db = database
        self._dead_letters = dead_letters
        self._on_their_way = on_their_way

    async def of(self, customer: str, after: tuple[int, str], most: int) -> list[Notification]:
        """Return a customer's notifications, the oldest first, that come after this (created_ns, id)."""
        place = tuple_(NOTIFICATIONS.c.created_ns, NOTIFICATIONS.c.id)
        query = select(*_SHOWN).where(NOTIFICATIONS.c.customer == customer, place > after)
        page = query.order_by(NOTIFICATIONS.c.created_ns, NOTIFICATIONS.c.id).limit(most)
        return await self._db.read(lambda connection: [Notification(*row) for row in connection.execute(page)])

    async def dead_letters(self, after: tuple[int, str], most: int) -> list[DeadLetter]:
        """Return dead letters, the oldest first, that come after this (died_ns, id)."""
        return await self._db.read(lambda connection: self._dead_letters.page(connection, after, most))

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield nothing: a notification is a consequence, the order is what was promised."""
        return nothing(since_ns)

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every notification that was sent, under the key of its order."""
        kind, key = literal("notification").label("kind"), NOTIFICATIONS.c.order_key.label("key")
        query = select(kind, key, NOTIFICATIONS.c.id, NOTIFICATIONS.c.state, NOTIFICATIONS.c.created_ns)
        return pages(self._db, query, NOTIFICATIONS.c.created_ns, NOTIFICATIONS.c.id, since_ns)

    async def pending(self) -> int:
        """Return how many messages were accepted and have had no effect yet."""
        return await self._on_their_way()

    async def totals(self) -> dict[str, int]:
        """Return how many messages were put aside."""
        count = select(self._dead_letters.count())
        return {"dead_letters": await self._db.read(lambda connection: int(connection.execute(count).scalar_one()))}


_SHOWN = tuple(NOTIFICATIONS.c[name] for name in Notification.__dataclass_fields__)


def notify(connection: Connection, envelope: Envelope) -> None:
    """Send what a message asks for. Raises Unintelligible where it asks for nothing that is known."""
    if envelope.topic != ORDER_CONFIRMED:
        raise Unintelligible(f"nobody here knows the topic {envelope.topic!r}")
    try:
        order = OrderConfirmed.model_validate(envelope.payload)
    except ValidationError as error:
        raise Unintelligible(describe(error)) from error
    new = {"id": f"ntf_{uuid.uuid4().hex[:16]}", "state": "sent", "created_ns": time.time_ns()}
    connection.execute(NOTIFICATIONS.insert(), order.model_dump() | new)
