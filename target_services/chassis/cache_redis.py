"""A cache's store in Redis. The client is imported when one is made: who keeps things in memory does not pay for it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from target_services.chassis.cache import StoreAway, Stored

if TYPE_CHECKING:
    from redis.asyncio import Redis

_TIMEOUT_S = 0.1
"""A cache that is slower than this is slower than what it saves."""

_END_TURN = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
"""Compares and deletes in one step: a turn that has ended may be somebody else's by now."""


class RedisStore:
    """Keeps values under a prefix, each with its end. Never tries twice: whoever asks goes to the source instead."""

    def __init__(self, url: str, prefix: str) -> None:
        from redis.asyncio import Redis  # noqa: PLC0415 - as said above
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        self._prefix = prefix
        self._client: Redis = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=_TIMEOUT_S)

    async def get(self, key: str) -> Stored | None:
        """Return what is kept. Raises StoreAway."""
        with _translated():
            async with asyncio.timeout(_TIMEOUT_S), self._client.pipeline(transaction=False) as both:
                both.get(self._prefix + key)
                both.pttl(self._prefix + key)
                value, left_ms = await both.execute()
        return Stored(value, left_ms / 1000) if value is not None and left_ms > 0 else None

    async def put(self, key: str, value: bytes, keep_s: float) -> None:
        """Keep a value for so many seconds. Raises StoreAway."""
        with _translated():
            async with asyncio.timeout(_TIMEOUT_S):
                await self._client.set(self._prefix + key, value, px=round(keep_s * 1000))

    async def take_turn(self, key: str, hold_s: float) -> str | None:
        """Return a token if nobody else has the turn; it ends after so many seconds. Raises StoreAway."""
        token = uuid.uuid4().hex
        with _translated():
            async with asyncio.timeout(_TIMEOUT_S):
                first = await self._client.set(self._turn(key), token, nx=True, px=round(hold_s * 1000))
        return token if first else None

    async def end_turn(self, key: str, token: str) -> None:
        """End a turn, if it is still that of the token. Raises StoreAway."""
        with _translated():
            async with asyncio.timeout(_TIMEOUT_S):
                await self._client.eval(_END_TURN, 1, self._turn(key), token)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.aclose()

    def _turn(self, key: str) -> str:
        return f"{self._prefix}turn:{key}"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise StoreAway in place of whatever the client raises."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - as said above

    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreAway(str(error)) from error
