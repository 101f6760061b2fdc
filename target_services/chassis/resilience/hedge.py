"""A hedge: a read that takes longer than most is sent a second time, and the first answer wins.

It cuts the tail that a single slow replica, connection or pause causes. It is for reads only: both may act. A
budget bounds it, or it would double the load on a callee that is slow because it has too much of it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.decisions import Decision, Observer, nobody

T = TypeVar("T")
Ask = Callable[[], Coroutine[Any, Any, T]]

_LOOK_AGAIN_AFTER = 10
"""Answers after which the quantile is computed anew; it is kept in between, as sorting costs."""


class Hedge:
    """Waits for the usual time, which it learns from the answers, before it asks again.

    `quantile` of the last `window` answers took less than that time; it is never below `least_s` nor above
    `most_s`, and it is `most_s` until there are enough answers to tell. `enabled` is asked before each call.
    """

    def __init__(
        self,
        *,
        least_s: float,
        most_s: float,
        budget: RetryBudget,
        quantile: float = 0.95,
        window: int = 100,
        enabled: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < quantile < 1 or not 0 <= least_s <= most_s:
            raise ValueError("quantile must be between 0 and 1, and least_s at most most_s")
        self.wait_s = most_s
        self._least_s = least_s
        self._most_s = most_s
        self._budget = budget
        self._quantile = quantile
        self._took_s: deque[float] = deque(maxlen=window)
        self._answers = 0
        self._enabled = enabled
        self._clock = clock

    async def run(self, ask: Ask[T], again: Ask[T], *, observer: Observer = nobody) -> T:
        """Return the answer that comes first. Raises the failure of `ask` when there is none.

        The other one is cancelled, and has ended when this returns.
        """
        if not self._enabled():
            return await ask()
        self._budget.note_call()
        started_s = self._clock()
        tasks = [asyncio.create_task(ask())]
        try:
            await asyncio.wait(tasks, timeout=self.wait_s)
            if not tasks[0].done() and self._may_ask_again(observer):
                observer(Decision.HEDGE_SENT, after_s=self.wait_s)
                tasks.append(asyncio.create_task(again()))
            answered = await _first_good(tasks)
            if len(tasks) > 1:
                observer(Decision.HEDGE_WON if answered is tasks[1] else Decision.HEDGE_LOST)
            result = await answered
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._learn(self._clock() - started_s)
        return result

    def _may_ask_again(self, observer: Observer) -> bool:
        if self._budget.take():
            return True
        observer(Decision.HEDGE_BUDGET_EXHAUSTED)
        return False

    def _learn(self, took_s: float) -> None:
        self._took_s.append(took_s)
        self._answers += 1
        if self._answers % _LOOK_AGAIN_AFTER == 0:
            ranked = sorted(self._took_s)
            usual_s = ranked[math.ceil(self._quantile * len(ranked)) - 1]
            self.wait_s = min(max(usual_s, self._least_s), self._most_s)


async def _first_good(tasks: list[asyncio.Task[T]]) -> asyncio.Task[T]:
    """Return the first task that succeeds; the first of all when none does."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and task.exception() is None:
                return task
    return tasks[0]
