"""The domain of users, with a clock that stands, for tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy import func, select

from target_services.chassis.database import Database
from target_services.chassis.problems import Problem
from target_services.users.domain import Lifetimes, Users
from target_services.users.lockout import Lockout, LockoutPolicy
from target_services.users.passwords import Passwords
from target_services.users.signing import KeyPolicy, SigningKeys
from target_services.users.tables import SCHEMA
from tests.unit.shop.clocks import FakeClock
from tests.unit.shop.databases import with_database

RIGHT, WRONG = "a long enough password", "not the password"


class Desk:
    """The domain of users on a database of its own, with one account: ann."""

    def __init__(self, database: Database, *, attempts: int = 3, waiting: int = 100) -> None:
        self.database = database
        self.clock = FakeClock()
        self.passwords = Passwords(threads=2, waiting=waiting)
        clock_ns = lambda: int(self.clock() * 1e9)  # noqa: E731
        self.keys = SigningKeys(database, KeyPolicy(token_s=900), clock_ns)
        self.users = Users(
            database,
            passwords=self.passwords,
            lockout=Lockout(database, LockoutPolicy(attempts, 60)),
            keys=self.keys,
            lifetimes=Lifetimes(access_s=900, session_s=7200),
            clock_ns=clock_ns,
        )

    async def open(self) -> None:
        await self.passwords.open()
        await self.users.tend()
        await self.users.sign_up("ann", RIGHT, "Ann")

    async def refused(self, name: str, password: str) -> Problem:
        with pytest.raises(Problem) as caught:
            await self.users.log_in(name, password)
        return caught.value

    def subject(self, tokens: dict[str, object]) -> str:
        claims = jwt.decode(str(tokens["access_token"]), options={"verify_signature": False})
        return str(claims["sub"])

    async def count(self, table: Any) -> int:
        query = select(func.count()).select_from(table)
        return await self.database.read(lambda connection: int(connection.execute(query).scalar_one()))


def with_desk(folder: Path, test: Callable[[Desk], Awaitable[None]], **options: int) -> None:
    async def opened(database: Database) -> None:
        desk = Desk(database, **options)
        await desk.open()
        await test(desk)

    with_database(folder, SCHEMA, opened)
