"""Who somebody is: signing up, logging in, staying logged in.

Whoever does not know a password learns nothing: an unknown name, a wrong password and a locked account are answered
by the same words after the same work (one transaction and one hash), and signing up never says that a name is taken.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from target_services.chassis.database import Database
from target_services.chassis.problems import Problem
from target_services.users import accounts, sessions
from target_services.users.accounts import CUSTOMER, Account, Accounts
from target_services.users.lockout import Lockout
from target_services.users.passwords import Passwords
from target_services.users.signing import SigningKeys

ISSUER = "urn:shop:users"
AUDIENCE = "urn:shop:api"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long an access token is good, and how long one login can be prolonged."""

    access_s: float = 900.0
    session_s: float = 30 * 86_400.0


class Users:
    """Accounts and who is logged in to them."""

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        lockout: Lockout,
        keys: SigningKeys,
        lifetimes: Lifetimes,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.accounts = Accounts(database)
        self._db = database
        self._passwords = passwords
        self._lockout = lockout
        self._keys = keys
        self._lifetimes = lifetimes
        self._clock_ns = clock_ns

    async def sign_up(self, name: str, password: str, display_name: str) -> None:
        """Make an account; nothing changes, and nobody is told, when the name is taken."""
        password_hash = await self._passwords.hash(password)
        await self.accounts.add([Account.new(name, display_name, CUSTOMER, password_hash)])

    async def log_in(self, name: str, password: str) -> dict[str, object]:
        """Return tokens. Raises Problem 401, always the same, when they cannot be had."""

        def look(connection: Connection) -> tuple[bool, Account | None]:
            return self._lockout.count(connection, name, self._clock_ns()), accounts.named(connection, name)

        open_, account = await self._db.write(look)
        try:
            right = await self._passwords.matches(account.password_hash if account is not None else None, password)
        except Problem:  # there was no room for it: who is overloaded locks nobody out
            await self._db.write(lambda connection: self._lockout.take_back(connection, name))
            raise
        if account is None or not right or not open_:
            _log.info("login refused", account=account.id if account is not None else None, locked=not open_)
            raise _refused("name or password is wrong", "bad-credentials")
        expires_ns = self._clock_ns() + int(self._lifetimes.session_s * 1e9)

        def begin(connection: Connection) -> str:
            self._lockout.clear(connection, name)
            return sessions.begin(connection, account.id, expires_ns)

        return self._tokens(account, await self._db.write(begin))

    async def refresh(self, refresh_token: str) -> dict[str, object]:
        """Return new tokens for a refresh token. Raises Problem 401."""

        def renew(connection: Connection) -> tuple[sessions.Renewed | sessions.Reused | None, Account | None]:
            renewed = sessions.renew(connection, refresh_token, self._clock_ns())
            return renewed, None if renewed is None else accounts.find(connection, renewed.account_id)

        renewed, account = await self._db.write(renew)
        if isinstance(renewed, sessions.Reused):
            _log.warning("refresh token used twice, its family is revoked", account=renewed.account_id)
        if account is None or not isinstance(renewed, sessions.Renewed):
            raise _refused("the refresh token is not good, or not any more", "bad-refresh-token")
        return self._tokens(account, renewed.refresh_token)

    async def tend(self) -> None:
        """Renew keys and forget what is over; to be called now and then."""
        await self._keys.tend()
        await self._db.write(lambda connection: sessions.forget(connection, self._clock_ns()))

    def _tokens(self, account: Account, refresh_token: str) -> dict[str, object]:
        now_s = self._clock_ns() // 1_000_000_000
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account.id,
            "roles": [account.role],
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + round(self._lifetimes.access_s),
            "jti": uuid.uuid4().hex,
        }
        return {
            "access_token": self._keys.sign(claims),
            "token_type": "Bearer",
            "expires_in": round(self._lifetimes.access_s),
            "refresh_token": refresh_token,
        }


def _refused(detail: str, slug: str) -> Problem:
    return Problem(401, detail, slug=slug, headers={"www-authenticate": 'Bearer realm="shop"'})
