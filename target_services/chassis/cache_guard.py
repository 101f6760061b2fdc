"""Keeps a cache that is away from slowing down every request: its own breaker, and the disturbance `down`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter

from target_services.chassis.cache import Store, StoreAway, Stored
from target_services.chassis.disturbances import Disturbances, Resource
from target_services.chassis.resilience.breaker import TRANSITIONS, Breaker, BreakerOpen, BreakerPolicy
from target_services.chassis.resilience.decisions import Decision

T = TypeVar("T")

_POLICY = BreakerPolicy(failures=3, window=10, reset_s=1.0)
"""Opens soon and looks again soon: a miss costs little, and a time-out on each request much."""

_log = structlog.get_logger(__name__)


class GuardedStore:
    """A store that is not asked while it is away. Counts what it decides, and how often the store was away."""

    def __init__(self, name: str, store: Store, disturbances: Disturbances, *, registry: CollectorRegistry) -> None:
        self._name = name
        self._store = store
        self._disturbances = disturbances
        self._breaker = Breaker(_POLICY, observer=self._decided)
        family = Counter(
            "cache_decisions", "What the cache's breaker decided", ("cache", "decision"), registry=registry
        )
        breakers = (decision for decision in Decision if decision.mechanism == "breaker")
        self._decisions = {decision: family.labels(name, decision.value) for decision in breakers}
        disturbances.offer("cache", Resource(frozenset({"down", "watch"})))

    async def get(self, key: str) -> Stored | None:
        """Return what is kept. Raises StoreAway."""
        return await self._guarded(lambda: self._store.get(key))

    async def put(self, key: str, value: bytes, keep_s: float) -> None:
        """Keep a value for so many seconds. Raises StoreAway."""
        await self._guarded(lambda: self._store.put(key, value, keep_s))

    async def take_turn(self, key: str, hold_s: float) -> str | None:
        """Return a token if nobody else has the turn. Raises StoreAway."""
        return await self._guarded(lambda: self._store.take_turn(key, hold_s))

    async def end_turn(self, key: str, token: str) -> None:
        """End a turn. Raises StoreAway."""
        await self._guarded(lambda: self._store.end_turn(key, token))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._store.close()

    async def _guarded(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            permit = self._breaker.admit()
        except BreakerOpen:
            raise StoreAway(f"{self._name} was away a moment ago") from None
        try:
            if self._disturbances.hits("cache", "down"):
                raise StoreAway(f"{self._name} is disturbed")  # noqa: TRY301 - where the client would raise it
            with self._disturbances.watched("cache", StoreAway):
                result = await ask()
        except StoreAway:
            permit.failed()
            raise
        except BaseException:
            permit.left_out()
            raise
        permit.succeeded()
        return result

    def _decided(self, decision: Decision, /, **_: str | float) -> None:
        self._decisions[decision].inc()
        if decision in TRANSITIONS:
            _log.warning("breaker", cache=self._name, now=TRANSITIONS[decision].value)
