"""Password hashes: argon2id, in threads of their own, and never more at once than the machine can bear.

A hash costs 19 MiB and some 30 ms of a core on purpose. Whoever knocks with thousands of logins is told to come
back later, before the machine swaps or the event loop waits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
"""The least that OWASP's password storage cheat sheet recommends for argon2id."""

T = TypeVar("T")


class Passwords:
    """Makes and checks hashes. At most `threads` at once; at most `waiting` more wait for their turn."""

    def __init__(self, *, threads: int, waiting: int) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._room = threads + waiting
        self._nobodys = ""

    async def open(self) -> None:
        """Make the hash that is checked where there is none."""
        self._nobodys = await self.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Return a new hash, with its parameters and its salt. Raises Problem 429 when too many wait."""
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether a password has this hash. None, for nobody, takes as long as any other, and is never right."""
        right = await self._in_turn(lambda: self._verify(password_hash or self._nobodys, password))
        return right and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise Problem(429, "too many logins at once", slug="too-many-logins", headers={"retry-after": "1"})
        self._room -= 1
        deadline = deadlines.current.get()

        def unless_too_late() -> T:
            if deadline.has_passed():  # while it waited; a hash that nobody waits for would only delay the others
                raise Problem(504, "the caller's deadline has passed", slug=deadlines.SLUG)
            return work()

        future = asyncio.get_running_loop().run_in_executor(self._threads, unless_too_late)
        future.add_done_callback(self._leave)
        return await future

    def _leave(self, _: object) -> None:
        self._room += 1
