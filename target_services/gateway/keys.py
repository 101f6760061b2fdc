"""The public keys of users, kept: tokens are checked without asking anybody, also while users is away.

    key known, set fresh   used
    key known, set old     used, and the set is fetched again meanwhile
    key unknown            the set is fetched first, but not more often than every `at_most_every_s`

A set that cannot be fetched or makes no sense changes nothing: the last good one goes on being used.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer, Call

ALGORITHM = "EdDSA"

_LONGEST_S = 4.0
"""What a fetch may take, whoever asked first: all who ask meanwhile wait for the same one."""

_log = structlog.get_logger(__name__)


class KeySet:
    """Keys by their id, fetched over the edge to users."""

    def __init__(
        self,
        users: Edge,
        *,
        fresh_s: float,
        at_most_every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._fresh_s = fresh_s
        self._at_most_every_s = at_most_every_s
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_s = -float("inf")
        self._asked_s = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """Return a key, or None when users has none of this id.

        Raises Problem 503 before there was any set, and 504 when the caller's deadline passes before users answers.
        """
        if kid not in self._keys:
            fetching = self._fetch_unless_just_done()
            if fetching is not None:
                await _answer_to_one_of_many(fetching)
        elif self._clock() - self._fetched_s > self._fresh_s:
            self._fetch_unless_just_done()
        if not self._keys:
            detail = "tokens cannot be checked right now"
            raise Problem(503, detail, slug="keys-unavailable", headers={"retry-after": "1"})
        return self._keys.get(kid)

    def _fetch_unless_just_done(self) -> asyncio.Task[None] | None:
        if self._fetching is None and self._clock() - self._asked_s >= self._at_most_every_s:
            self._asked_s = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        deadlines.current.set(Deadline.after(_LONGEST_S))  # for this task alone; it began with that of who asked first
        try:
            self._keys = await self._users.call(Call("GET", "/v1/jwks.json"), _public_keys)
            self._fetched_s = self._clock()
        except CallFailed as failure:
            _log.warning("keys not renewed", outcome=failure.outcome.value, known=len(self._keys))
        finally:
            self._fetching = None


async def _answer_to_one_of_many(fetching: asyncio.Task[None]) -> None:
    """Wait for what others wait for as well, for as long as this caller does."""
    remaining_s = deadlines.current.get().remaining_s()
    try:
        async with asyncio.timeout(remaining_s if math.isfinite(remaining_s) else None):
            await asyncio.shield(fetching)
    except TimeoutError:
        raise Problem(504, "the caller's deadline has passed", slug=deadlines.SLUG) from None


def _public_keys(answer: Answer) -> dict[str, Ed25519PublicKey]:
    document = answer.json()
    if answer.status != 200 or not isinstance(document, dict):
        raise ValueError(f"users answered {answer.status}")
    keys = {str(entry["kid"]): _public_key(entry) for entry in document["keys"]}
    if not keys:
        raise ValueError("a set without a key")
    return keys


def _public_key(entry: dict[str, object]) -> Ed25519PublicKey:
    try:
        key = jwt.PyJWK(entry, algorithm=ALGORITHM).key
    except jwt.PyJWTError as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("a key that is not a public Ed25519 key")
    return key
