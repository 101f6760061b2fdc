"""The users process: its address space, its settings, its start."""

from __future__ import annotations

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationInfo, field_validator
from starlette.responses import Response

from target_services.chassis.cursors import Cursor, Limit
from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.openapi import answers
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import DatabaseUrl, ServiceSettings
from target_services.users import demo
from target_services.users.accounts import Account
from target_services.users.domain import Lifetimes, Users
from target_services.users.lockout import Lockout, LockoutPolicy
from target_services.users.passwords import Passwords
from target_services.users.shapes import (
    Accepted,
    AccountChange,
    AccountPage,
    AccountShown,
    Customer,
    Login,
    PublicKeys,
    Refresh,
    SignUp,
    Tokens,
)
from target_services.users.signing import KeyPolicy, SigningKeys
from target_services.users.tables import SCHEMA

_NOT_TO_BE_KEPT = {"cache-control": "no-store"}

_log = structlog.get_logger(__name__)


class Settings(ServiceSettings):
    """What users has to be told."""

    database_url: DatabaseUrl
    demo_accounts: int = Field(default=0, ge=0, le=10_000, description="so many demo customers, and an admin")
    users_access_s: float = Field(default=900, ge=5, le=86_400, description="how long an access token is good")
    users_session_s: float = Field(default=30 * 86_400, ge=10, description="how long one login can be prolonged")
    users_key_rotate_s: float = Field(default=30 * 86_400, ge=1, description="age at which a signing key is replaced")
    users_key_overlap_s: float = Field(default=3600, ge=0.5, description="how long before a key signs it is published")
    users_lockout_attempts: int = Field(default=10, ge=1, le=1000, description="wrong passwords until a name is locked")
    users_lockout_window_s: float = Field(default=300, ge=1, le=86_400, description="for how long they count")
    users_hash_threads: int = Field(default=2, ge=1, le=64, description="passwords that are checked at once")
    users_hash_waiting: int = Field(default=64, ge=0, le=10_000, description="logins that wait for that; more get 429")

    @field_validator("users_session_s")
    @classmethod
    def _sessions_outlast_tokens(cls, session_s: float, info: ValidationInfo) -> float:
        if session_s < info.data.get("users_access_s", 0):
            raise ValueError("must be at least USERS_ACCESS_S")
        return session_s

    @field_validator("users_key_overlap_s")
    @classmethod
    def _keys_outlast_their_overlap(cls, overlap_s: float, info: ValidationInfo) -> float:
        if overlap_s > info.data.get("users_key_rotate_s", overlap_s):
            raise ValueError("must be at most USERS_KEY_ROTATE_S")
        return overlap_s


def routes(app: FastAPI, users: Users, keys: SigningKeys) -> None:
    """Add the API of users."""

    @app.post("/v1/accounts", **answers(Accepted, 202, problems={429: "too-many-logins"}))
    async def sign_up(request: SignUp) -> Response:
        """Make an account. Nobody learns from the answer whether the name was taken."""
        await users.sign_up(request.name, request.password.get_secret_value(), request.display_name)
        return JSONResponse({"name": request.name, "state": "accepted"}, 202)

    @app.post("/v1/sessions", **answers(Tokens, 201, problems={401: "bad-credentials", 429: "too-many-logins"}))
    async def log_in(request: Login) -> Response:
        """Show a password and get tokens."""
        tokens = await users.log_in(request.name, request.password.get_secret_value())
        return JSONResponse(tokens, 201, headers=_NOT_TO_BE_KEPT)

    @app.post("/v1/sessions/refresh", **answers(Tokens, problems={401: "bad-refresh-token"}))
    async def refresh(request: Refresh) -> Response:
        """Get new tokens for a refresh token, which is good once."""
        return JSONResponse(await users.refresh(request.refresh_token.get_secret_value()), headers=_NOT_TO_BE_KEPT)

    @app.get("/v1/account", **answers(AccountShown, problems={404: "unknown-account"}))
    async def account(customer: Customer) -> Response:
        """Show somebody's own account."""
        return _shown(await users.accounts.find(customer))

    @app.patch("/v1/account", **answers(AccountShown, problems={404: "unknown-account"}))
    async def change_account(request: AccountChange, customer: Customer) -> Response:
        """Change how somebody is called."""
        return _shown(await users.accounts.rename(customer, request.display_name))

    @app.get("/v1/admin/accounts", **answers(AccountPage, problems={400: "bad-cursor"}))
    async def accounts(cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List all accounts, the oldest first. The gateway lets only admins ask."""
        page, next_cursor = await users.accounts.page(cursor, limit)
        return JSONResponse({"items": [account.document() for account in page], "next_cursor": next_cursor})

    @app.get("/v1/jwks.json", **answers(PublicKeys))
    async def jwks() -> Response:
        """Show the public keys that access tokens are checked with."""
        return JSONResponse(keys.published())


def _shown(account: Account | None) -> Response:
    if account is None:
        raise Problem(404, "there is no such account", slug="unknown-account")
    return JSONResponse(account.document())


async def tend_now_and_then(users: Users, draining: Draining, every_s: float) -> None:
    """Tend keys and sessions until draining begins."""
    while not await draining.wait(every_s):
        try:
            await users.tend()
        except Exception:  # noqa: BLE001 - whatever is wrong, it must not be the last time
            _log.exception("keys and sessions could not be tended")


def build(settings: Settings) -> RequestScope:
    """Put users together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.users.migrations")
    passwords = Passwords(threads=settings.users_hash_threads, waiting=settings.users_hash_waiting)
    policy = KeyPolicy(settings.users_key_rotate_s, settings.users_key_overlap_s, settings.users_access_s)
    keys = SigningKeys(database, policy)
    users = Users(
        database,
        passwords=passwords,
        lockout=Lockout(database, LockoutPolicy(settings.users_lockout_attempts, settings.users_lockout_window_s)),
        keys=keys,
        lifetimes=Lifetimes(settings.users_access_s, settings.users_session_s),
    )

    async def prepare() -> None:
        await passwords.open()
        await users.tend()
        if settings.demo_accounts:
            await demo.fill(users.accounts, passwords, settings.demo_accounts)

    # Twice within an overlap, so that a new key is known here before it signs anywhere.
    every_s = min(60.0, settings.users_key_overlap_s / 2)
    return chassis.application(
        lambda app: routes(app, users, keys),
        database=database,
        prepare=prepare,
        background=[lambda draining: tend_now_and_then(users, draining, every_s)],
    )


def main() -> None:
    """Run users until SIGTERM."""
    run(Settings, build)
