"""Rate limits: so many requests in a sliding window, for each user, or for each address of those who are nobody yet.

Counted in this process: two gateways together let twice as much through, which is what a second one is for.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Annotated

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from pydantic import AfterValidator

from target_services.chassis.problems import Problem


def _rate(text: str) -> str:
    try:
        if parse(text).amount >= 1:
            return text
    except ValueError:
        pass
    raise ValueError("is not a rate, such as 100/second or 20 per 5 minutes")


Rate = Annotated[str, AfterValidator(_rate)]
"""Setting: a rate in the notation of the library `limits`."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was left after a request: the headers that its answer carries, and whether it was one too many."""

    headers: dict[str, str]
    refused: Problem | None


class RateLimit:
    """One rate, kept for each name on its own."""

    def __init__(self, rate: str, refusals: Counter) -> None:
        self._rate: RateLimitItem = parse(rate)
        self._refusals = refusals
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def spend(self, name: str) -> Spent:
        """Count a request."""
        within = await self._windows.hit(self._rate, name)
        reset_at_s, remaining = await self._windows.get_window_stats(self._rate, name)
        reset_s = max(1, math.ceil(reset_at_s - time.time()))
        headers = {
            "ratelimit-limit": str(self._rate.amount),
            "ratelimit-remaining": str(max(0, remaining)),
            "ratelimit-reset": str(reset_s),
        }
        if within:
            return Spent(headers, None)
        self._refusals.inc()
        detail = f"more than {self._rate}"
        return Spent(headers, Problem(429, detail, slug="rate-limited", headers={"retry-after": str(reset_s)}))
