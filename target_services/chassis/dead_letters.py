"""Dead letters: messages that could not be acted upon, kept with the cause until somebody replays them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    select,
    tuple_,
)

from target_services.chassis.database import Database


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as it came. `id` is its own, or a digest of the body where it has none that could be read."""

    id: str
    body: bytes
    cause: str
    attempts: int
    died_ns: int

    def document(self) -> dict[str, object]:
        """Return what is shown of it."""
        text = self.body.decode(errors="replace")
        return {
            "id": self.id,
            "cause": self.cause,
            "attempts": self.attempts,
            "died_ns": self.died_ns,
            "body": text,
        }


def dead_letter_table(schema: MetaData) -> Table:
    """Add the table of dead letters to a schema."""
    return Table(
        "dead_letters",
        schema,
        Column("id", String, primary_key=True),
        Column("body", LargeBinary, nullable=False),
        Column("cause", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("died_ns", BigInteger, nullable=False),
        Index("dead_letters_by_age", "died_ns", "id"),
    )


class DeadLetters:
    """The dead letters of one service. All of it works in the caller's transaction."""

    def __init__(self, database: Database, table: Table) -> None:
        self._table = table
        self._keep = database.insert(table).on_conflict_do_nothing()

    def keep(self, connection: Connection, message_id: str | None, body: bytes, cause: str, attempts: int) -> None:
        """Put a message aside. One that comes again is kept once."""
        row = {
            "id": message_id or f"sha256-{hashlib.sha256(body).hexdigest()}",
            "body": body,
            "cause": cause.replace("\x00", "\\x00"),
            "attempts": attempts,
            "died_ns": time.time_ns(),
        }
        connection.execute(self._keep, row)

    def page(self, connection: Connection, after: tuple[int, str], most: int) -> list[DeadLetter]:
        """Return dead letters, the oldest first, that come after this (died_ns, id)."""
        table = self._table
        query = select(table).where(tuple_(table.c.died_ns, table.c.id) > after)
        rows = connection.execute(query.order_by(table.c.died_ns, table.c.id).limit(most))
        return [DeadLetter(r.id, r.body, r.cause, r.attempts, r.died_ns) for r in rows]

    def take(self, connection: Connection, letter_id: str) -> DeadLetter | None:
        """Remove a dead letter and return it, or None where another one has been faster."""
        gone = self._table.delete().where(self._table.c.id == letter_id).returning(*self._table.c)
        row = connection.execute(gone).one_or_none()
        return None if row is None else DeadLetter(row.id, row.body, row.cause, row.attempts, row.died_ns)

    def count(self) -> ColumnElement[int]:
        """Return how many there are, as an expression."""
        return select(func.count()).select_from(self._table).scalar_subquery()
