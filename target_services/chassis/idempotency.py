"""Idempotency keys: the answer to a key is given once, kept, and given again to whoever repeats the request.

A key is written down in the transaction that begins the work, and its answer in the one that ends it. A process
that dies in between leaves a key in progress, never one that is forgotten.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, bindparam, select

from target_services.chassis.database import Database
from target_services.chassis.problems import Problem


def digest(*parts: str | int) -> str:
    """Return what tells one request from any other under the same key."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def answers_table(schema: MetaData) -> Table:
    """Add the table of answers to a service's schema."""
    return Table(
        "answers",
        schema,
        Column("key", String, primary_key=True),
        Column("digest", String, nullable=False),
        Column("status", Integer, doc="empty while the first request with this key is in progress"),
        Column("body", Text),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The key was used before. `status` is None while its first request is in progress."""

    same_request: bool
    status: int | None
    body: str | None

    def replay(self) -> tuple[int, str]:
        """Return status and body of the answer. Raises Problem when the key has none for this request."""
        if not self.same_request:
            raise Problem(409, "this key belongs to another request", slug="idempotency-key-reused")
        if self.status is None or self.body is None:
            detail = "the first request with this key is in progress"
            raise Problem(409, detail, slug="idempotency-in-progress", headers={"retry-after": "1"})
        return self.status, self.body


class Answers:
    """The answers of one service. All of it works in the caller's transaction."""

    def __init__(self, database: Database, table: Table) -> None:
        self._first = database.insert(table).on_conflict_do_nothing()
        self._known = select(table.c.digest, table.c.status, table.c.body).where(table.c.key == bindparam("of"))
        self._settle = (
            table.update()
            .where(table.c.key == bindparam("of"), table.c.status.is_(None))
            .values(status=bindparam("answer"), body=bindparam("text"))
        )

    def begin(self, connection: Connection, key: str, request_digest: str) -> Known | None:
        """Take a key, and return None; or return what is known of it."""
        if connection.execute(self._first, {"key": key, "digest": request_digest}).rowcount == 1:
            return None
        known = self.find(connection, key, request_digest)
        assert known is not None
        return known

    def find(self, connection: Connection, key: str, request_digest: str) -> Known | None:
        """Return what is known of a key, if it was used."""
        row = connection.execute(self._known, {"of": key}).one_or_none()
        return Known(row.digest == request_digest, row.status, row.body) if row is not None else None

    def settle(self, connection: Connection, key: str, status: int, body: str) -> None:
        """Keep the answer to a key, unless it has one."""
        connection.execute(self._settle, {"of": key, "answer": status, "text": body})
