"""A cache's store in Redis. The client is imported when one is made: who keeps things in memory does not pay for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from target_services.chassis.cache import StoreAway, Stored

if TYPE_CHECKING:
    from redis.asyncio import Redis

_TIMEOUT_S = 0.1
"""A cache that is slower than this is slower than what it saves."""


class RedisStore:
    """Keeps values under a prefix, each with its end. Never tries twice: whoever asks goes to the source instead."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix
        self._client: Redis | None = None

    async def get(self, key: str) -> Stored | None:
        """Return what is kept. Raises StoreAway."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - as said above

        try:
            async with asyncio.timeout(_TIMEOUT_S):
                async with self._connected().pipeline(transaction=False) as both:
                    both.get(self._prefix + key)
                    both.pttl(self._prefix + key)
                    value, left_ms = await both.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreAway(str(error)) from error
        return Stored(value, left_ms / 1000) if value is not None and left_ms > 0 else None

    async def put(self, key: str, value: bytes, keep_s: float) -> None:
        """Keep a value for so many seconds. Raises StoreAway."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._connected().set(self._prefix + key, value, px=round(keep_s * 1000))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreAway(str(error)) from error

    async def close(self) -> None:
        """Let go of all connections."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> Redis:
        if self._client is None:
            from redis.asyncio import Redis  # noqa: PLC0415
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415

            self._client = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=_TIMEOUT_S)
        return self._client
