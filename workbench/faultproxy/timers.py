"""Timers for what the plane delays: exact to some 0.1 ms, where the loop's own are up to 2 ms late.

Linux has timers that are descriptors, which the loop waits for like for a socket. One serves all that wait: it is set
to the earliest due time. Elsewhere the loop's own timers, with their resolution of 1 ms, have to do.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import sys
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from time import CLOCK_MONOTONIC, monotonic_ns
from typing import Any, Protocol

from workbench.model.units import NS_PER_S

_ABSOLUTE = 1
_FEW = 1_000
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class Cancellable(Protocol):
    """What was asked for and has not happened."""

    def cancel(self) -> None:
        """Let it not happen."""


class Timers(Protocol):
    """Calls back later: an event loop does, too."""

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Cancellable:
        """Call back in `delay` seconds, not before, and never from within this call."""


class _Timer:
    __slots__ = ("_owner", "callback")

    def __init__(self, owner: ExactTimers, callback: Callable[[], Any]) -> None:
        self._owner = owner
        self.callback: Callable[[], Any] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._owner.forget_one()


class ExactTimers:
    """All timers behind one descriptor. Raises OSError where the system has no such thing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._libc = _libc()
        self._descriptor = self._libc.timerfd_create(CLOCK_MONOTONIC, _FLAGS)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = (ctypes.c_long * 4)()
        """Interval and due time, each seconds and nanoseconds; no interval: once. All 0: never."""
        self._waiting: list[tuple[int, int, _Timer]] = []
        self._cancelled = 0
        self._number = 0
        self._set_to = 0
        self._firing = False
        self._loop = loop
        loop.add_reader(self._descriptor, self._fire)

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Cancellable:
        timer = _Timer(self, callback)
        due = monotonic_ns() + math.ceil(delay * NS_PER_S)
        self._number += 1
        heappush(self._waiting, (due, self._number, timer))
        if not self._firing and (due < self._set_to or not self._set_to):
            self._set(due)
        return timer

    def __len__(self) -> int:
        """How many are kept, cancelled ones included."""
        return len(self._waiting)

    def forget_one(self) -> None:
        """One was cancelled. They go when they are due, and all at once where they are most of what waits."""
        self._cancelled += 1
        if self._cancelled > _FEW and 2 * self._cancelled > len(self._waiting) and not self._firing:
            self._waiting = [entry for entry in self._waiting if entry[2].callback is not None]
            heapify(self._waiting)
            self._cancelled = 0

    def close(self) -> None:
        """Forget all; nothing may be asked for any more."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._waiting.clear()

    def _fire(self) -> None:
        """Call back all that is due. To set the descriptor again is enough to have it read."""
        waiting, now = self._waiting, monotonic_ns()
        self._firing = True
        try:
            while waiting and (waiting[0][0] <= now or waiting[0][2].callback is None):
                timer = heappop(waiting)[2]
                callback, timer.callback = timer.callback, None
                if callback is not None:
                    callback()
                elif self._cancelled:
                    self._cancelled -= 1
        finally:
            self._firing = False
            self._set(waiting[0][0] if waiting else 0)

    def _set(self, due: int) -> None:
        self._set_to = due
        self._spec[2], self._spec[3] = divmod(due, NS_PER_S)
        self._libc.timerfd_settime(self._descriptor, _ABSOLUTE, self._spec, None)


class LoopTimers:
    """The loop's own, in whole milliseconds, because they may be early by what is left of one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Cancellable:
        return self._loop.call_later(math.ceil(delay * 1000) / 1000, callback)

    def close(self) -> None:
        """Nothing is kept here."""


def new_timers(loop: asyncio.AbstractEventLoop) -> ExactTimers | LoopTimers:
    """Return the best there are."""
    if sys.platform == "linux":
        try:
            return ExactTimers(loop)
        except (OSError, AttributeError):
            pass  # another C library, or a sandbox that forbids it
    return LoopTimers(loop)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.timerfd_create.argtypes = [ctypes.c_int, ctypes.c_int]
    libc.timerfd_settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    return libc
