"""The outbox: a message is written in the transaction of what it tells of, and published afterwards.

So there is no message of what was rolled back, and none is missing of what was committed. `outbox_relay` takes
the rows from here in order of each key, and a row is deleted when its message is known to have arrived.

    await database.write(lambda connection: (change(connection), outbox.add(connection, "order.confirmed", ...)))
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import propagate
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from target_services.chassis import correlation
from target_services.chassis.pruning import Prune, older

PARKED_KEPT_S = 30 * 86_400.0
"""What nobody has had published again after this time is forgotten. All else is kept until it has arrived."""

LONGEST_WAIT_S = 4.0
"""No message waits longer between two tries. A row that is due later than that tells of a clock that was set back."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored. `headers` carry trace, baggage and correlation id of where it was written."""

    position: int
    id: str
    topic: str
    key: str
    payload: Mapping[str, object]
    headers: Mapping[str, str]
    tries: int
    created_ns: int

    def document(self) -> dict[str, object]:
        """Return what travels, as JSON data. `attempt` counts from 1."""
        return {
            "id": self.id,
            "topic": self.topic,
            "key": self.key,
            "created_ns": self.created_ns,
            "attempt": self.tries + 1,
            "payload": dict(self.payload),
        }


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not arrived yet. `parked`: how many of these nobody tries any more. `oldest_ns`: wall time."""

    undelivered: int
    parked: int
    oldest_ns: int | None


def outbox_table(schema: MetaData) -> Table:
    """Add the table of the outbox to a schema. It needs `lease_table` beside it."""
    number = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER
    return Table(
        "outbox",
        schema,
        Column("position", number, primary_key=True, autoincrement=True),
        Column("id", String, nullable=False, unique=True, doc="by which whoever receives it twice recognises it"),
        Column("topic", String, nullable=False),
        Column("key", String, nullable=False, doc="messages of one key arrive in order"),
        Column("payload", Text, nullable=False),
        Column("headers", Text, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("due_ns", BigInteger, nullable=False, doc="not tried before this wall time"),
        Column("parked", Text, doc="why it is not tried any more"),
        Column("created_ns", BigInteger, nullable=False),
        Index("outbox_by_key", "key", "position"),
    )


class Outbox:
    """The messages of one service that have not arrived yet."""

    def __init__(self, table: Table, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._table = table
        self._clock_ns = clock_ns
        self._wake: Callable[[], object] | None = None
        self._due = _due(table)
        self.prune: Prune = older(table, table.c.id, table.c.created_ns, table.c.parked.is_not(None))

    def add(self, connection: Connection, topic: str, key: str, payload: Mapping[str, object]) -> str:
        """Write a message down in the caller's transaction. Returns its id."""
        now_ns = self._clock_ns()
        message_id = uuid.uuid4().hex
        row = {
            "id": message_id,
            "topic": topic,
            "key": key,
            "payload": json.dumps(payload, separators=(",", ":")),
            "headers": json.dumps(_origin(), separators=(",", ":")),
            "tries": 0,
            "due_ns": now_ns,
            "created_ns": now_ns,
        }
        connection.execute(self._table.insert(), row)
        if self._wake is not None:
            self._wake()
        return message_id

    def wakes(self, event: asyncio.Event) -> None:
        """Have this event of the running loop set whenever a message is added in this process.

        It is set when the row is written and not yet committed: whoever finds nothing looks again soon.
        """
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(event.set)

    def due(self, connection: Connection, most: int) -> list[Message]:
        """Return the first message of each key, where it is due, oldest first."""
        now_ns = self._clock_ns()
        jumped_ns = now_ns + int(LONGEST_WAIT_S * 1e9)
        rows = connection.execute(self._due, {"now_ns": now_ns, "jumped_ns": jumped_ns, "most": most})
        return [_message(row) for row in rows]

    def arrived(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Forget messages that are known to have arrived."""
        gone = self._table.c.position.in_([message.position for message in messages])
        connection.execute(self._table.delete().where(gone))

    def postpone(self, connection: Connection, message: Message, after_s: float) -> None:
        """Try a message again later, and with it those of its key that come after it."""
        later = {"tries": message.tries + 1, "due_ns": self._clock_ns() + int(min(after_s, LONGEST_WAIT_S) * 1e9)}
        connection.execute(self._table.update().where(self._table.c.position == message.position).values(later))

    def park(self, connection: Connection, message: Message, cause: str) -> None:
        """Put a message aside that can never arrive as it is; those of its key that come after it may pass."""
        parked = {"tries": message.tries + 1, "parked": cause}
        connection.execute(self._table.update().where(self._table.c.position == message.position).values(parked))

    def parked(self, connection: Connection) -> list[tuple[str, str]]:
        """Return id and cause of every message that was put aside, the oldest first."""
        table = self._table
        rows = connection.execute(
            select(table.c.id, table.c.parked).where(table.c.parked.is_not(None)).order_by(table.c.position)
        )
        return [(row.id, row.parked) for row in rows]

    def unpark(self, connection: Connection, message_id: str) -> bool:
        """Have a message that was put aside tried again, as if for the first time. Tells whether it was."""
        table = self._table
        again = {"tries": 0, "due_ns": self._clock_ns(), "parked": None}
        was_parked = (table.c.id == message_id) & table.c.parked.is_not(None)
        return connection.execute(table.update().where(was_parked).values(again)).rowcount == 1

    def backlog(self, connection: Connection) -> Backlog:
        """Count what has not arrived."""
        table = self._table
        row = connection.execute(select(func.count(), func.count(table.c.parked), func.min(table.c.created_ns))).one()
        return Backlog(int(row[0]), int(row[1]), row[2])

    def lag_s(self, backlog: Backlog) -> float:
        """Return how old the oldest message is that has not arrived, in seconds; 0 when all have."""
        return 0.0 if backlog.oldest_ns is None else max(0.0, (self._clock_ns() - backlog.oldest_ns) / 1e9)


@contextmanager
def carried(headers: Mapping[str, str]) -> Iterator[None]:
    """Work in the trace, the baggage and the correlation that a message was written in."""
    token = otel_context.attach(propagate.extract(headers, otel_context.Context()))
    correlated = correlation.current.set(headers.get(correlation.HEADER))
    try:
        yield
    finally:
        correlation.current.reset(correlated)
        otel_context.detach(token)


def _origin() -> dict[str, str]:
    headers: dict[str, str] = {}
    propagate.inject(headers)
    if (request := correlation.current.get()) is not None:
        headers[correlation.HEADER] = request
    return headers


def _message(row: Any) -> Message:
    return Message(
        position=row.position,
        id=row.id,
        topic=row.topic,
        key=row.key,
        payload=json.loads(row.payload),
        headers=json.loads(row.headers),
        tries=row.tries,
        created_ns=row.created_ns,
    )


def _due(table: Table) -> Select[Any]:
    earlier = table.alias()
    waits_for_another = exists().where(
        earlier.c.key == table.c.key, earlier.c.position < table.c.position, earlier.c.parked.is_(None)
    )
    is_due = or_(table.c.due_ns <= bindparam("now_ns"), table.c.due_ns > bindparam("jumped_ns"))
    query = select(table).where(table.c.parked.is_(None), is_due, ~waits_for_another)
    return query.order_by(table.c.position).limit(bindparam("most"))
