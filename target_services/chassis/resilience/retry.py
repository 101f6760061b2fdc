"""Retry: a bounded number of attempts, jittered exponential backoff, a budget, Retry-After and the deadline.

Why not `stamina`: docs/adr/0007-own-circuit-breaker.md.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.decisions import Decision, Observer, nobody
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by `factor` up to `most_s`, each drawn from the upper half of its range."""

    first_s: float = 0.04
    most_s: float = 0.15
    factor: float = 2.0

    def wait_s(self, attempt: int, rng: random.Random) -> float:
        """Return how long to wait after attempt number `attempt`, counted from 1."""
        ceiling = min(self.most_s, self.first_s * self.factor ** min(attempt - 1, 30))
        return rng.uniform(ceiling / 2, ceiling)


class BudgetExhausted(AttemptFailed):
    """The attempt could have been retried, but the budget has nothing left. Ends the call."""


class Retry:
    """Runs attempts until one succeeds or trying again makes no sense."""

    def __init__(
        self,
        *,
        attempts: int,
        budget: RetryBudget,
        backoff: Backoff | None = None,
        longest_wait_s: float = 0.5,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """`longest_wait_s`: a callee that asks for more time than this by Retry-After is not asked again."""
        if attempts < 1:
            raise ValueError("attempts must be at least 1")
        self.attempts = attempts
        self._budget = budget
        self._backoff = backoff if backoff is not None else Backoff()
        self._longest_wait_s = longest_wait_s
        self._sleep = sleep
        self._rng = rng if rng is not None else random.Random()

    async def run(
        self,
        attempt: Callable[[int], Awaitable[T]],
        *,
        retryable: Callable[[AttemptFailed], bool],
        remaining_s: Callable[[], float] = lambda: math.inf,
        at_most: int | None = None,
        observer: Observer = nobody,
    ) -> T:
        """Call `attempt(1)`, `attempt(2)` and so on. Raises the failure of the last one.

        `remaining_s` says how long the caller still waits; `at_most` lowers the number of attempts.
        """
        self._budget.note_call()
        most = self.attempts if at_most is None else min(at_most, self.attempts)
        number = 1
        while True:
            try:
                return await attempt(number)
            except AttemptFailed as failure:
                unbounded = is_planted(Bug.RETRIES_UNBOUNDED)
                if not retryable(failure) or (number >= most and not unbounded):
                    raise
                wait_s = max(self._backoff.wait_s(number, self._rng), failure.retry_after_s or 0.0)
                if wait_s > self._longest_wait_s or wait_s >= remaining_s():
                    observer(Decision.RETRY_NO_TIME, wait_s=wait_s)
                    raise
                if not unbounded and not self._budget.take():
                    observer(Decision.RETRY_BUDGET_EXHAUSTED)
                    raise BudgetExhausted(Outcome.RETRY_BUDGET, status=failure.status) from failure
                observer(Decision.RETRY_SCHEDULED, wait_s=wait_s, after=failure.outcome.value)
            await self._sleep(wait_s)
            number += 1
