"""The keys that tokens are signed with: in the database, so that a restart logs nobody out, and renewed in overlap.

    created -- published --> signs -- the next one signs --> published still -- its last token expired --> deleted

A key is published for `overlap_s` before it signs: by then every gateway has it. It stays published for as long as
a token that it signed may be good.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import Connection, delete, select

from target_services.chassis.database import Database
from target_services.users.tables import SIGNING_KEYS

ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """When a key gets a successor, how long that one is published before it signs, how long tokens are good."""

    rotate_after_s: float = 30 * 86_400.0
    overlap_s: float = 3600.0
    token_s: float = 900.0


@dataclass(frozen=True, slots=True)
class _Row:
    kid: str
    private_pem: str
    signs_from_ns: int
    created_ns: int


@dataclass(frozen=True, slots=True)
class _Key:
    row: _Row
    private: Ed25519PrivateKey

    def public(self) -> dict[str, str]:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": self.row.kid, "x": x}


class SigningKeys:
    """The keys of all processes of this service, as they were when they were last tended."""

    def __init__(self, database: Database, policy: KeyPolicy, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._db = database
        self._policy = policy
        self._clock_ns = clock_ns
        self._keys: list[_Key] = []

    async def tend(self) -> None:
        """Read the keys; make the first one, or the next one, or delete one, when it is time to."""
        rows = await self._db.write_alone(lambda connection: self._tended(connection, self._clock_ns()))
        self._keys = [_Key(row, _private(row.private_pem)) for row in rows]

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a token with these claims."""
        now_ns = self._clock_ns()
        signing = [key for key in self._keys if key.row.signs_from_ns <= now_ns] or self._keys[:1]
        headers = {"kid": signing[-1].row.kid, "typ": "at+jwt"}
        return jwt.encode(claims, signing[-1].private, algorithm=ALGORITHM, headers=headers)

    def published(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys, and nothing else of them, as a JWKS document."""
        return {"keys": [key.public() for key in self._keys]}

    def _tended(self, connection: Connection, now_ns: int) -> list[_Row]:
        rows = [_Row(*row) for row in connection.execute(_KEYS)]
        if not rows:
            rows = [_create(connection, signs_from_ns=now_ns, now_ns=now_ns)]
        elif now_ns - rows[-1].created_ns >= self._policy.rotate_after_s * 1e9:
            later_ns = now_ns + int(self._policy.overlap_s * 1e9)
            rows = [*rows, _create(connection, signs_from_ns=later_ns, now_ns=now_ns)]
        over_ns = now_ns - int((self._policy.token_s + self._policy.overlap_s) * 1e9)
        spent = [old.kid for old, new in pairwise(rows) if new.signs_from_ns <= over_ns]
        connection.execute(delete(SIGNING_KEYS).where(SIGNING_KEYS.c.kid.in_(spent)))
        return [row for row in rows if row.kid not in spent]


_KEYS = select(
    SIGNING_KEYS.c.kid, SIGNING_KEYS.c.private_pem, SIGNING_KEYS.c.signs_from_ns, SIGNING_KEYS.c.created_ns
).order_by(SIGNING_KEYS.c.signs_from_ns, SIGNING_KEYS.c.kid)


def _create(connection: Connection, *, signs_from_ns: int, now_ns: int) -> _Row:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    row = _Row(secrets.token_hex(8), pem, signs_from_ns, now_ns)
    connection.execute(SIGNING_KEYS.insert(), asdict(row))
    return row


def _private(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key
