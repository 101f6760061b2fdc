"""A cache's store in the process itself."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from target_services.chassis.cache import Stored


class MemoryStore:
    """Keeps the `most` values that were used last."""

    def __init__(self, *, most: int = 4096, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: str) -> Stored | None:
        """Return what is kept."""
        if key not in self._kept:
            return None
        until_s, value = self._kept[key]
        if (left_s := until_s - self._clock()) <= 0:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return Stored(value, left_s)

    async def put(self, key: str, value: bytes, keep_s: float) -> None:
        """Keep a value for so many seconds."""
        self._kept[key] = (self._clock() + keep_s, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    async def take_turn(self, key: str, hold_s: float) -> str | None:  # noqa: ARG002 - who shares a store takes turns
        """Return a token always: nobody shares this store."""
        return ""

    async def end_turn(self, key: str, token: str) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
