"""One direction of a connection: bytes leave in order, and none before the holds in front of it are over.

A pipe knows nothing of HTTP or of faults. It is told to hold, it has stages that may delay or swallow every
piece, and it keeps its source from sending more than it may keep: a reader that has stalled never makes it hold
more than 256 KiB, which is the limit for what waits and one piece of the source's size.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import HoldParts
from workbench.faultproxy.small_reads import read_in_small_pieces
from workbench.model.faults.actions import Delay, Swallow

LIMIT_FOR_LARGE_PIECES = 4 * 1024
LIMIT_FOR_SMALL_PIECES = 128 * 1024
"""A source reads large pieces until there is a stage, which may have to hold several of them."""

_NS_PER_MS = 1_000_000


class Stage(Protocol):
    """What an influence does to every piece that passes a pipe."""

    influence: Influence

    def act(self) -> Delay | Swallow:
        """Say what happens to the piece that has just come."""


class _Hold:
    """A stretch of time in which nothing behind it leaves."""

    __slots__ = ("_since", "attempt", "due", "parts")

    def __init__(self, now: int, parts: HoldParts, attempt: Attempt | None) -> None:
        self._since = now
        self.due = now + sum(parts.values())
        self.parts = dict(parts)
        self.attempt = attempt

    def lift(self, influence: Influence) -> None:
        self.due -= self.parts.pop(influence, 0)

    def change(self, influence: Influence, due: int) -> None:
        """Let an influence's part end at `due`; the other parts follow it."""
        if influence in self.parts:
            self.lift(influence)
            self.parts[influence] = due - self._since
            self.due += due - self._since


class _Piece:
    """Bytes on their way. `last` is the reason with which their attempt ends once they have left."""

    __slots__ = ("attempt", "data", "last")

    def __init__(self, data: bytes, attempt: Attempt | None, last: EndReason | None) -> None:
        self.data = data
        self.attempt = attempt
        self.last = last


class _End:
    """No more bytes come."""


_END = _End()


class Pipe:
    """Towards one transport. `clear` means: write to `transport` directly, nothing is in the way."""

    __slots__ = (
        "_blocked",
        "_dead",
        "_full",
        "_held_back",
        "_limit",
        "_loop",
        "_on_end",
        "_on_full",
        "_on_need",
        "_queue",
        "_queued",
        "_source",
        "_stages",
        "_timer",
        "clear",
        "ended",
        "transport",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_need: Callable[[], None],
        on_end: Callable[[], None],
        on_full: Callable[[bool], None] | None = None,
    ) -> None:
        self._loop = loop
        self._on_need = on_need
        self._on_end = on_end
        self._on_full = on_full
        self._queue: deque[_Hold | _Piece | _End] = deque()
        self._queued = 0
        self._stages: list[Stage] = []
        self._timer: asyncio.TimerHandle | None = None
        self._source: asyncio.ReadTransport | None = None
        self._blocked = False
        self._full = False
        self._held_back = False
        self._limit = LIMIT_FOR_LARGE_PIECES
        self._dead = False
        self.transport: asyncio.Transport | None = None
        self.clear = False
        self.ended = False
        """Everything has left, and the end was passed on."""

    # -- the two ends ---------------------------------------------------------------------------------

    def connect(self, transport: asyncio.Transport) -> None:
        """Say where bytes go; `on_need` was called when the first one wanted to."""
        self.transport = transport
        self._flush()

    def feed_from(self, source: asyncio.ReadTransport) -> None:
        """Say who is to be paused while too much waits here."""
        self._source = source
        if self._stages:
            read_in_small_pieces(source)
        if self._full:
            source.pause_reading()

    def block(self) -> None:
        """The transport cannot take more."""
        self._blocked = True
        self._watch_source()

    def unblock(self) -> None:
        """The transport can take more again."""
        self._blocked = False
        self._watch_source()

    @property
    def full(self) -> bool:
        return self._full

    def hold_back(self, *, on: bool) -> None:
        """Pause the source, or no longer, because of what its bytes lead to elsewhere."""
        self._held_back = on
        self._watch_source()

    # -- what passes ----------------------------------------------------------------------------------

    def send(self, data: bytes, attempt: Attempt | None = None, last: EndReason | None = None) -> None:
        """Pass bytes on, behind everything that is here, through all stages."""
        if self._dead:
            return
        if self._stages and data:
            parts: HoldParts = {}
            for stage in self._stages:
                action = stage.act()
                if isinstance(action, Swallow):
                    return
                parts[stage.influence] = action.ns
            self._queue.append(_Hold(monotonic_ns(), parts, None))
        self._queue.append(_Piece(data, attempt, last))
        self._queued += len(data)
        self._flush()

    def hold(self, parts: HoldParts, attempt: Attempt | None) -> _Hold:
        """Let nothing that comes from now on leave before the sum of `parts`, in nanoseconds, is over."""
        now = monotonic_ns()
        hold = _Hold(now, parts, attempt)
        if not self._dead:
            if attempt is not None:
                attempt.held(now)
            self._queue.append(hold)
            self._flush()
        return hold

    def hold_on(self, hold: _Hold, influence: Influence, ns: int) -> None:
        """Let a part of a hold that is on last for so long from now, instead of what was said."""
        hold.change(influence, monotonic_ns() + ns)
        if not self._dead:
            self._flush()

    def end(self) -> None:
        """Pass on, behind everything that is here, that no more comes. Swallowed like bytes are."""
        if self._dead or self.ended or (self._queue and self._queue[-1] is _END):
            return
        if any(isinstance(stage.act(), Swallow) for stage in self._stages):
            return
        self._queue.append(_END)
        self._flush()

    def kill(self) -> None:
        """Drop everything, now and later."""
        self._dead = True
        self.clear = False
        self._queue.clear()
        self._queued = 0
        self._stages.clear()
        self._source = None
        self._disarm()

    # -- influences -----------------------------------------------------------------------------------

    def add_stage(self, stage: Stage) -> None:
        """Let every later piece meet a stage, behind those that are there."""
        if not self._dead:
            self._stages.append(stage)
            self.clear = False
            self._limit = LIMIT_FOR_SMALL_PIECES
            if self._source is not None:
                read_in_small_pieces(self._source)

    def lift(self, influence: Influence) -> None:
        """Take out what an influence does here; bytes that only it held leave at once."""
        if self._dead:
            return
        self._stages = [stage for stage in self._stages if stage.influence is not influence]
        for item in self._queue:
            if isinstance(item, _Hold):
                item.lift(influence)
        self._flush()

    # -- inside ---------------------------------------------------------------------------------------

    def _flush(self) -> None:
        queue = self._queue
        self._disarm()
        while queue:
            item = queue[0]
            if isinstance(item, _Hold):
                if not self._pass_hold(item):
                    break
            elif isinstance(item, _Piece):
                if not self._pass_piece(item):
                    break
            else:
                queue.popleft()
                self._pass_end()
        self.clear = not (queue or self._stages or self._dead or self.ended or self.transport is None)
        self._watch_source()

    def _pass_hold(self, hold: _Hold) -> bool:
        now = monotonic_ns()
        if now < hold.due:
            # Timers have a resolution of 1 ms and may be early; the due time is looked at again.
            ms = -(-(hold.due - now) // _NS_PER_MS)
            self._timer = self._loop.call_later(ms / 1000, self._flush)
            return False
        self._queue.popleft()
        if hold.attempt is not None:
            hold.attempt.released(now)
        return True

    def _pass_piece(self, piece: _Piece) -> bool:
        data = piece.data
        if data:
            if self.transport is None:
                self._on_need()
                return False
            self.transport.write(data)
        self._queue.popleft()
        self._queued -= len(data)
        attempt = piece.attempt
        if attempt is not None:
            now = monotonic_ns()
            if data:
                attempt.sent(len(data), now)
            if piece.last is not None:
                attempt.end(piece.last, now)
        return True

    def _pass_end(self) -> None:
        self.ended = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()
        self._on_end()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch_source(self) -> None:
        full = self._blocked or self._held_back or self._queued > self._limit
        if full != self._full:
            self._full = full
            if self._on_full is not None:
                self._on_full(full)
            if self._source is not None:
                if full:
                    self._source.pause_reading()
                else:
                    self._source.resume_reading()
