"""Threads in which transactions run, whole: one hand-over per transaction."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from target_services.chassis.database_errors import Cause, DatabaseUnavailable

T = TypeVar("T")
Work = Callable[[Connection], T]

LONGEST_S = 5.0
"""What a transaction may take, waiting for its turn included. Longer than what databases are told to wait for."""

_LEAVING_S = 2.0
_HARDLY_MS = 10


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """Work on its way through a lane: begun or given up, and never both.

    `abort`, set while it can be, ends it from another thread.
    """

    work: Work[T]
    asked_s: float = field(default_factory=time.monotonic)
    abort: Callable[[], None] | None = None
    _begun: bool = False
    _given_up: bool = False
    _deciding: Lock = field(default_factory=Lock)

    def begin(self) -> bool:
        """Tell whether it is to be done: nobody has given it up, and from now on nobody can."""
        with self._deciding:
            self._begun = not self._given_up
            return self._begun

    def give_up(self) -> bool:
        """Tell whether it will never be done: it has not begun, and from now on it cannot."""
        with self._deciding:
            self._given_up = not self._begun
            return self._given_up


class Patience:
    """How long a job may wait for a lock.

    Who has waited in the queue behind a job that waited in vain has waited for the same lock, and hardly waits again:
    so all learn of a lock that stays after about the same time, however many there are.
    """

    def __init__(self, most_ms: int) -> None:
        self._most_ms = most_ms
        self._in_vain_s = -math.inf

    def of(self, job: Job[Any]) -> int:
        """Return how long a job that begins now may wait, in milliseconds."""
        return self._most_ms if job.asked_s > self._in_vain_s else _HARDLY_MS

    def was_in_vain(self) -> None:
        """Take note that somebody has waited in vain."""
        self._in_vain_s = time.monotonic()


Run = Callable[[Job[Any]], Any]


class Lane:
    """A number of threads, and what each does with a job. What nobody waits for any more is not begun."""

    def __init__(self, name: str, threads: int, run: Run) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._run = run
        self._jobs: set[Job[Any]] = set()

    async def run(self, work: Work[T], longest_s: float | None = LONGEST_S) -> T:
        """Run work in a transaction. Raises DatabaseUnavailable when it takes too long, and what the driver raises."""
        job = Job(work)
        self._jobs.add(job)
        try:
            async with asyncio.timeout(longest_s):
                result: T = await asyncio.get_running_loop().run_in_executor(self._threads, self._begin, job)
                return result
        except TimeoutError:
            may_have_acted = not job.give_up()
            self._abort(job)
            raise DatabaseUnavailable(Cause.SLOW, may_have_acted=may_have_acted) from None
        finally:
            if job.give_up():
                self._jobs.discard(job)

    async def close(self, last: Callable[[], None]) -> None:
        """Do one last thing after the work in hand, and end the threads. What does not end by itself is ended."""
        leaving = asyncio.get_running_loop().run_in_executor(self._threads, last)
        self._threads.shutdown(wait=False)
        await asyncio.wait({leaving}, timeout=_LEAVING_S)
        for job in list(self._jobs):
            self._abort(job)

    def _begin(self, job: Job[Any]) -> Any:
        """Do a job, in its thread; or nothing, where nobody waits for it any more."""
        if not job.begin():
            return None
        try:
            return self._run(job)
        finally:
            self._jobs.discard(job)

    def _abort(self, job: Job[Any]) -> None:
        if (abort := job.abort) is not None:
            abort()
