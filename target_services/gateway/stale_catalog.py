"""The last good pages of the catalog, for when it is away."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable


class StaleCatalog:
    """The last good answer per address, the oldest forgotten first."""

    def __init__(self, *, most: int = 1024, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def keep(self, path: str, body: bytes) -> None:
        """Remember a good answer."""
        self._kept[path] = (self._clock(), body)
        self._kept.move_to_end(path)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, path: str) -> bytes | None:
        """Return what was good once, marked as degraded and with its age, which it may have had when it came."""
        if path not in self._kept:
            return None
        kept_s, body = self._kept[path]
        document = json.loads(body)
        age_s = (document.get("age_s") or 0.0) + self._clock() - kept_s
        return json.dumps({**document, "degraded": True, "age_s": round(age_s, 1)}, separators=(",", ":")).encode()
