"""Cache-aside: look into the cache, else ask the source and keep what it says.

    product = await cache.get("product:5", lambda: self._read(5))

What is kept is fresh for `fresh_s`, and then for `keep_s` in all good enough for when the source fails: stale while
error. A stampede is kept from the source twice: of all who miss a key at once only one asks, and the others wait
for that answer, in all processes that share a store; and what is asked for often is renewed in the background shortly
before it ends, so that nobody misses it. The store behind may be away: then the source is asked, and no request fails
for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter

from target_services.chassis.bugs import Bug, is_planted

_RENEW_IN_LAST = 0.2
"""Part of the fresh time, its last, in which an entry that is asked for is renewed."""

_TURN_S = 1.0
"""For how long one process has the turn to ask, and the others wait for its answer at most. Then they ask, too."""

_LOOK_EVERY_S = 0.025

_log = structlog.get_logger(__name__)

Load = Callable[[], Awaitable[bytes | None]]
"""Asks the source. None: there is no such thing, which is not kept."""


class StoreAway(Exception):
    """The store cannot be used right now."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store has for a key, and for how many more seconds it keeps it."""

    value: bytes
    left_s: float


class Store(Protocol):
    """Keeps values for a while. All raise StoreAway."""

    async def get(self, key: str) -> Stored | None:
        """Return what is kept."""

    async def put(self, key: str, value: bytes, keep_s: float) -> None:
        """Keep a value for so many seconds."""

    async def take_turn(self, key: str, hold_s: float) -> str | None:
        """Return a token if nobody else has the turn to ask the source for this key; it ends after so many seconds."""

    async def end_turn(self, key: str, token: str) -> None:
        """End a turn, if it is still that of the token."""

    async def close(self) -> None:
        """Let go of all connections."""


class Looked(StrEnum):
    """What came of looking something up."""

    HIT = "hit"
    RENEWED = "renewed"
    MISS = "miss"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Found:
    """A value. `age_s` is None when it is fresh, and else says how old it may be at least."""

    value: bytes
    age_s: float | None = None


class Cache:
    """Looks things up in a store before it asks the source."""

    def __init__(self, name: str, store: Store, *, fresh_s: float, keep_s: float, registry: CollectorRegistry) -> None:
        if not 0 < fresh_s <= keep_s:
            raise ValueError("fresh_s must be above 0 and at most keep_s")
        self._store = store
        self._fresh_s = fresh_s
        self._keep_s = keep_s
        self._under_way: dict[str, asyncio.Task[bytes | None]] = {}
        family = Counter("cache_lookups", "Lookups by what came of them", ("cache", "result"), registry=registry)
        self._looked = {result: family.labels(name, result.value) for result in Looked}

    async def get(self, key: str, load: Load) -> Found | None:
        """Return the value of a key; None when there is no such thing.

        Raises what `load` raises when nothing is kept that could stand in for it.
        """
        stored = await self._stored(key)
        age_s = None if stored is None else self._keep_s - stored.left_s
        if stored is not None and age_s is not None and age_s < self._fresh_s:
            if age_s >= self._fresh_s * (1 - _RENEW_IN_LAST):
                self._looked[Looked.RENEWED].inc()
                self._load_once(key, load)
            else:
                self._looked[Looked.HIT].inc()
            return Found(stored.value)
        try:
            value = await asyncio.shield(self._load_once(key, load))
        except Exception as error:
            if stored is None:
                self._looked[Looked.MISS].inc()
                raise
            self._looked[Looked.STALE].inc()
            _log.warning("stale value served", key=key, age_s=age_s, error=repr(error))
            return Found(stored.value, age_s)
        self._looked[Looked.MISS].inc()
        return Found(value) if value is not None else None

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._store.close()

    async def _stored(self, key: str) -> Stored | None:
        try:
            return await self._store.get(key)
        except StoreAway:
            if is_planted(Bug.CACHE_REQUIRED):
                raise
            return None

    def _load_once(self, key: str, load: Load) -> asyncio.Task[bytes | None]:
        """Return the one task that asks the source for this key."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._load(key, load))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    async def _load(self, key: str, load: Load) -> bytes | None:
        turn = await self._turn_or_answer(key)
        if isinstance(turn, Stored):
            return turn.value
        try:
            value = await load()
            if value is not None:
                with contextlib.suppress(StoreAway):  # it is only slower without
                    await self._store.put(key, value, self._keep_s)
            return value
        finally:
            if turn is not None:
                with contextlib.suppress(StoreAway):  # it ends by itself
                    await self._store.end_turn(key, turn)

    async def _turn_or_answer(self, key: str) -> str | Stored | None:
        """Wait for the turn to ask, or for what another process has found out. None: there is nobody to wait for."""
        try:
            async with asyncio.timeout(_TURN_S):
                while True:
                    turn = await self._store.take_turn(key, _TURN_S)
                    # With the turn, too: whoever had it before may have answered since this one looked.
                    stored = await self._store.get(key)
                    if stored is not None and self._keep_s - stored.left_s < self._fresh_s * (1 - _RENEW_IN_LAST):
                        if turn is not None:
                            await self._store.end_turn(key, turn)
                        return stored
                    if turn is not None:
                        return turn
                    await asyncio.sleep(_LOOK_EVERY_S)
        except (StoreAway, TimeoutError):
            return None

    def _ended(self, key: str, task: asyncio.Task[bytes | None]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever waits for it is told; in the background there is nobody
