"""Accounts in the database."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_

from target_services.chassis.cursors import Cursors
from target_services.chassis.database import Database
from target_services.users.tables import ACCOUNTS

CUSTOMER = "customer"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is stored. `role`: customer or admin."""

    id: str
    name: str
    display_name: str
    role: str
    password_hash: str
    created_ns: int

    @classmethod
    def new(cls, name: str, display_name: str, role: str, password_hash: str) -> Account:
        """Return an account that is not stored yet."""
        return cls(f"acc_{uuid.uuid4().hex[:16]}", name, display_name, role, password_hash, time.time_ns())

    def document(self) -> dict[str, object]:
        """Return what its owner, and admins, are told."""
        return {"id": self.id, "name": self.name, "display_name": self.display_name, "roles": [self.role]}


class Accounts:
    """All access to the table of accounts."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._insert = database.insert(ACCOUNTS).on_conflict_do_nothing()

    async def add(self, accounts: Sequence[Account]) -> None:
        """Store those whose name nobody has."""
        rows = [asdict(account) for account in accounts]
        await self._db.write(lambda connection: connection.execute(self._insert, rows))

    async def find(self, account_id: str) -> Account | None:
        """Return an account, if there is one."""
        return await self._db.read(lambda connection: find(connection, account_id))

    async def named(self, name: str) -> Account | None:
        """Return the account of a name, if there is one."""
        return await self._db.read(lambda connection: named(connection, name))

    async def rename(self, account_id: str, display_name: str) -> Account | None:
        """Change how somebody is called; None when there is no such account."""

        def rename(connection: Connection) -> Account | None:
            connection.execute(_RENAME, {"of": account_id, "now": display_name})
            return find(connection, account_id)

        return await self._db.write(rename)

    async def page(self, cursor: str | None, most: int) -> tuple[list[Account], str | None]:
        """Return some accounts, the oldest first, and where the next ones begin. Raises BadCursor."""
        query = _ALL.limit(most + 1)
        if cursor is not None:
            query = query.where(tuple_(ACCOUNTS.c.created_ns, ACCOUNTS.c.id) > _CURSORS.read(cursor))
        rows = await self._db.read(lambda connection: [Account(*row) for row in connection.execute(query)])
        return rows[:most], _CURSORS.page(rows, most, lambda account: (account.created_ns, account.id))


_CURSORS = Cursors("accounts", int, str)
_ACCOUNT = select(ACCOUNTS)
_ALL = _ACCOUNT.order_by(ACCOUNTS.c.created_ns, ACCOUNTS.c.id)
_BY_ID = _ACCOUNT.where(ACCOUNTS.c.id == bindparam("of"))
_BY_NAME = _ACCOUNT.where(ACCOUNTS.c.name == bindparam("of"))
_RENAME = ACCOUNTS.update().where(ACCOUNTS.c.id == bindparam("of")).values(display_name=bindparam("now"))


def find(connection: Connection, account_id: str) -> Account | None:
    """Return an account within a transaction."""
    return _one(connection, _BY_ID, account_id)


def named(connection: Connection, name: str) -> Account | None:
    """Return the account of a name within a transaction."""
    return _one(connection, _BY_NAME, name)


def _one(connection: Connection, query: Any, key: str) -> Account | None:
    row = connection.execute(query, {"of": key}).one_or_none()
    return Account(*row) if row is not None else None
