"""Refresh tokens: each is good for one refresh, which gives the next of its family.

A token that comes a second time was stolen, or its thief came first; nobody can tell. So its whole family ends, and
who knows the password logs in again. All functions work within the transaction that they are given.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from target_services.users.tables import FAMILIES, REFRESH_TOKENS


@dataclass(frozen=True, slots=True)
class Renewed:
    """A refresh that was granted."""

    account_id: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Reused:
    """A token came again, and its family was ended."""

    account_id: str


def begin(connection: Connection, account_id: str, expires_ns: int) -> str:
    """Begin a family; return its first refresh token."""
    family_id = uuid.uuid4().hex
    row = {"id": family_id, "account_id": account_id, "revoked": False, "expires_ns": expires_ns}
    connection.execute(_NEW_FAMILY, row)
    return _next(connection, family_id)


def renew(connection: Connection, refresh_token: str, now_ns: int) -> Renewed | Reused | None:
    """Use a refresh token up. None when it is unknown, or its family is over."""
    digest = _digest(refresh_token)
    family = connection.execute(_FAMILY, {"of": digest}).one_or_none()
    if family is None or family.revoked or family.expires_ns <= now_ns:
        return None
    if connection.execute(_USE, {"of": digest}).rowcount != 1:
        connection.execute(_REVOKE, {"of": family.id})
        return Reused(family.account_id)
    return Renewed(family.account_id, _next(connection, family.id))


def forget(connection: Connection, now_ns: int) -> None:
    """Delete the families that are over, with their tokens."""
    over = select(FAMILIES.c.id).where(FAMILIES.c.expires_ns <= now_ns)
    connection.execute(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family_id.in_(over)))
    connection.execute(delete(FAMILIES).where(FAMILIES.c.expires_ns <= now_ns))


def _next(connection: Connection, family_id: str) -> str:
    token = f"rt_{secrets.token_urlsafe(32)}"
    connection.execute(_NEW_TOKEN, {"digest": _digest(token), "family_id": family_id, "used": False})
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_NEW_FAMILY = FAMILIES.insert()
_NEW_TOKEN = REFRESH_TOKENS.insert()
_FAMILY = (
    select(FAMILIES.c.id, FAMILIES.c.account_id, FAMILIES.c.revoked, FAMILIES.c.expires_ns)
    .join(REFRESH_TOKENS, REFRESH_TOKENS.c.family_id == FAMILIES.c.id)
    .where(REFRESH_TOKENS.c.digest == bindparam("of"))
)
_USE = (
    REFRESH_TOKENS.update().where(REFRESH_TOKENS.c.digest == bindparam("of"), ~REFRESH_TOKENS.c.used).values(used=True)
)
_REVOKE = FAMILIES.update().where(FAMILIES.c.id == bindparam("of")).values(revoked=True)
