"""How long the caller will wait, carried from hop to hop as remaining milliseconds.

A relative time needs no synchronised clocks. Each hop passes on what is left after its own share, and refuses
work whose caller has already left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self

HEADER = "x-deadline-ms"

SLUG = "deadline-exceeded"
"""Name of the problem that a callee answers when its caller's deadline has passed."""

HOP_COST_S = 0.005
"""What one hop costs on the wire; subtracted from what is passed on."""

LEAST_USEFUL_S = 0.002
"""With less than this left, nothing is begun; nobody is asked with less than this left after the hop."""


class Deadline:
    """A moment on the monotonic clock after which nobody waits for the answer."""

    __slots__ = ("_at_s", "_clock")

    def __init__(self, at_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_s = at_s
        self._clock = clock

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the deadline that is so many seconds from now."""
        return cls(clock() + seconds, clock)

    def remaining_s(self) -> float:
        """Return seconds left; below 0 when it has passed, infinite when there is none."""
        return self._at_s - self._clock()

    def has_passed(self) -> bool:
        """Tell whether too little is left to begin anything."""
        return self.remaining_s() < LEAST_USEFUL_S

    def has_passed_beyond_a_hop(self) -> bool:
        """Tell whether a callee would be left too little to begin anything."""
        return self.earlier_by(HOP_COST_S).has_passed()

    def earlier_by(self, seconds: float) -> Deadline:
        """Return a deadline that leaves so many seconds for what comes afterwards."""
        return Deadline(self._at_s - seconds, self._clock)


NEVER = Deadline(math.inf)

current: ContextVar[Deadline] = ContextVar("deadline", default=NEVER)
"""Deadline of the request that this code works for."""


@contextmanager
def apply(deadline: Deadline) -> Iterator[None]:
    """Work under this deadline, unless the current one is earlier anyway."""
    tighter = deadline if deadline.remaining_s() < current.get().remaining_s() else current.get()
    token = current.set(tighter)
    try:
        yield
    finally:
        current.reset(token)


def to_header(seconds: float) -> str:
    """Return the header value for so many seconds, less the cost of the hop."""
    return str(max(0, int((seconds - HOP_COST_S) * 1000)))


def from_header(value: str | None) -> float | None:
    """Return the seconds that a caller offers, or None where it says nothing intelligible."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 9:
        return None
    return int(value) / 1000
