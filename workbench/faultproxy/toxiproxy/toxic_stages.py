"""What each type of toxic does in one pipe of one connection. Read anew each time, so a change is felt at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.faultproxy.connection import Connection
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.stages import Stage
from workbench.model.faults.actions import Delay, Pace, Side, Swallow
from workbench.model.units import NS_PER_MS

if TYPE_CHECKING:
    from workbench.faultproxy.toxiproxy.toxics import Toxic

Attributes = dict[str, int]

_LONGEST_MS = 99 * 365 * 24 * 3600 * 1000
"""Attributes may be any int64; nobody waits longer than this."""

_NS_PER_US = 1_000
_TICK_MS = 10
"""A rate is kept in portions of so many milliseconds."""

_READ_SIZE = 32 * 1024
"""Toxiproxy reads so much at a time, and slices each of these on its own."""

_EVERYTHING = 2**62


class ToxicStage(Stage):
    """What is common to all: whether the toxic has hit the connection, as chance decides it."""

    __slots__ = ("connection", "hit", "toxic")

    def __init__(self, toxic: Toxic, connection: Connection, pace: Pace | None = None) -> None:
        super().__init__(toxic, pace)
        self.toxic = toxic
        self.connection = connection
        self.hit = False

    @property
    def attributes(self) -> Attributes:
        return self.toxic.attributes

    @property
    def side(self) -> Side:
        return _side(self.toxic)

    @property
    def pipe(self) -> Pipe:
        return self.connection.up if self.toxic.is_upstream else self.connection.down

    def draw(self) -> None:
        """Decide whether the connection is hit from now on."""
        self.hit = self.toxic.chance.random() < self.toxic.toxicity
        if self.pace is not None:
            self.pipe.renew_pace(self.toxic)

    def stop(self) -> None:
        """The connection is free, or over."""


class Late(ToxicStage):
    """Delays each piece."""

    __slots__ = ()

    def act(self, size: int) -> Delay | None:  # noqa: ARG002 - the same for all
        if not self.hit:
            return None
        jitter = min(self.attributes["jitter"], _LONGEST_MS)
        late_ms = self.attributes["latency"] + (self.toxic.chance.randrange(-jitter, jitter) if jitter > 0 else 0)
        return _delay(late_ms, self.side)


class LateEnd(ToxicStage):
    """Delays the end."""

    __slots__ = ()

    def act_at_end(self) -> Delay | None:
        return _delay(self.attributes["delay"], self.side) if self.hit else None


class Narrow(ToxicStage):
    """Lets portions pass in equal distances."""

    __slots__ = ()

    def __init__(self, toxic: Toxic, connection: Connection) -> None:
        super().__init__(toxic, connection, Pace(_side(toxic), self._portion, self._distance))

    def _portion(self, _number: int) -> int:
        return max(self.attributes["rate"], 0) * _TICK_MS if self.hit else _EVERYTHING

    def _distance(self, _number: int) -> int:
        return _TICK_MS * NS_PER_MS if self.hit else 0


class Sliced(ToxicStage):
    """Lets slices pass, each as a packet of its own."""

    __slots__ = ("_slices",)

    def __init__(self, toxic: Toxic, connection: Connection) -> None:
        super().__init__(toxic, connection, Pace(_side(toxic), self._size, self._distance))
        self._slices: Iterator[int] = iter(())

    def draw(self) -> None:
        self._slices = iter(())
        super().draw()

    def _size(self, _number: int) -> int:
        if not self.hit:
            return _EVERYTHING
        for size in self._slices:
            return size
        self._slices = slices(self.toxic)
        return next(self._slices)

    def _distance(self, _number: int) -> int:
        return min(max(self.attributes["delay"], 0), _LONGEST_MS) * _NS_PER_US if self.hit else 0


def slices(toxic: Toxic) -> Iterator[int]:
    """Yield the sizes into which Toxiproxy cuts what it has read: halves of halves, until one is small enough.

    Its own algorithm never ends if the average is 0 and fails if the variation is too large; here a slice has at
    least one byte.
    """
    average, variation = toxic.attributes["average_size"], min(toxic.attributes["size_variation"], _READ_SIZE)
    waiting = [_READ_SIZE]
    while waiting:
        size = waiting.pop()
        if size - average <= variation or size < 2:
            yield size
            continue
        middle = size // 2 + (toxic.chance.randrange(-variation, variation) if variation > 0 else 0)
        left = min(max(middle, 1), size - 1)
        waiting += [size - left, left]


class Limited(ToxicStage):
    """Counts; the connection ends behind the last byte that may pass."""

    __slots__ = ("_passed",)

    def __init__(self, toxic: Toxic, connection: Connection) -> None:
        super().__init__(toxic, connection)
        self._passed = 0

    def room(self) -> int | None:
        return max(self.attributes["bytes"] - self._passed, 0) if self.hit else None

    def act(self, size: int) -> None:
        if self.hit:
            self._passed += size


class _Timed(ToxicStage):
    """Ends the connection some time after something."""

    __slots__ = ("_timer",)

    def __init__(self, toxic: Toxic, connection: Connection) -> None:
        super().__init__(toxic, connection)
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Silence(_Timed):
    """Swallows each piece; each one is a sign of life."""

    __slots__ = ()

    def draw(self) -> None:
        super().draw()
        if self.hit:
            self.connection.swallow(self.toxic)
            self._wait()
        elif self.connection.is_swallowed_by(self.toxic):
            self.connection.cut()

    def act(self, size: int) -> Swallow | None:  # noqa: ARG002 - the same for all
        if not self.hit:
            return None
        self._wait()
        return Swallow()

    def act_at_end(self) -> None:
        return None

    def _wait(self) -> None:
        """Count idle time from now."""
        self.stop()
        timeout_ms = self.attributes["timeout"]
        if timeout_ms > 0:
            delay_s = min(timeout_ms, _LONGEST_MS) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.connection.cut)


class Reset(_Timed):
    """Swallows everything, and resets the connection some time after the first of it."""

    __slots__ = ()

    def act(self, size: int) -> Swallow | None:  # noqa: ARG002 - the same for all
        return self._begin()

    def act_at_end(self) -> Swallow | None:
        return self._begin()

    def _begin(self) -> Swallow | None:
        if self._timer is None:
            if not self.hit:
                return None
            self.connection.swallow(self.toxic)
            delay_s = min(max(self.attributes["timeout"], 0), _LONGEST_MS) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.connection.reset)
        return Swallow()


def _side(toxic: Toxic) -> Side:
    return "request" if toxic.is_upstream else "response"


def _delay(late_ms: int, side: Side) -> Delay:
    return Delay(min(max(late_ms, 0), _LONGEST_MS) * NS_PER_MS, side)
