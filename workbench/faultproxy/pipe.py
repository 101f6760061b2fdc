"""One direction of a connection: bytes leave in order, and none before what is in front of it lets them.

A pipe knows nothing of HTTP or of faults. It is told to hold and to pace, it has stages that meet every piece,
and it keeps its source from sending more than it may keep: a reader that has stalled never makes it hold more
than 256 KiB, which is the limit for what waits and one piece of the source's size.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic_ns

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import HoldParts
from workbench.faultproxy.intake import Intake
from workbench.faultproxy.paces import Paces
from workbench.faultproxy.stages import Stage
from workbench.faultproxy.timers import Cancellable, Timers
from workbench.faultproxy.waiting import END, Cut, End, Hold, PaceChange, Piece
from workbench.model.faults.actions import Pace, Swallow
from workbench.model.units import NS_PER_S


class Pipe(Intake):
    """Towards one transport. `clear` means: write to `transport` directly, nothing is in the way."""

    __slots__ = (
        "_dead",
        "_delays",
        "_due",
        "_on_cut",
        "_on_end",
        "_on_need",
        "_over",
        "_paces",
        "_queue",
        "_stages",
        "_timer",
        "_timers",
        "clear",
        "ended",
        "transport",
    )

    def __init__(
        self,
        timers: Timers,
        *,
        on_need: Callable[[], None],
        on_end: Callable[[], None],
        on_cut: Callable[[bool], None],
        on_full: Callable[[bool], None] | None = None,
    ) -> None:
        super().__init__(on_full)
        self._timers = timers
        self._on_need = on_need
        self._on_end = on_end
        self._on_cut = on_cut
        """Told to end the connection; True: by RST."""
        self._queue: deque[Hold | Piece | PaceChange | End | Cut] = deque()
        self._stages: list[Stage] = []
        self._paces = Paces()
        self._delays: Attempt | None = None
        """Whose delay it is if bytes without an attempt are held up by a pace."""
        self._timer: Cancellable | None = None
        self._due = 0
        """What the timer waits for."""
        self._dead = False
        self._over = False
        """The connection is to end here, so nothing more is taken."""
        self.transport: asyncio.Transport | None = None
        self.clear = False
        self.ended = False
        """Everything has left, and the end was passed on."""

    def connect(self, transport: asyncio.Transport) -> None:
        """Say where bytes go; `on_need` was called when the first one wanted to."""
        self.transport = transport
        self._paces.wake(monotonic_ns())
        self._flush()

    # -- what passes ----------------------------------------------------------------------------------

    def send(self, data: bytes, attempt: Attempt | None = None, last: EndReason | None = None) -> None:
        """Pass bytes on, behind everything that is here, through all stages."""
        if self._dead or self._over:
            return
        ends_here = False
        if self._stages and data:
            parts: HoldParts = {}
            for stage in self._stages:
                room = stage.room()
                if room is not None and room <= len(data):
                    last = last if room == len(data) else None
                    data, ends_here = data[: max(room, 0)], True
                action = stage.act(len(data))
                if isinstance(action, Swallow):
                    return
                if action is not None:
                    parts[stage.influence] = action.ns
            if parts:
                self._queue.append(Hold(monotonic_ns(), parts, None))
        if not self._queued:
            self._paces.wake(monotonic_ns())
        self._queue.append(Piece(data, attempt, last))
        self._queued += len(data)
        if ends_here:
            self.cut()
        else:
            self._flush()

    def hold(self, parts: HoldParts, attempt: Attempt | None) -> Hold:
        """Let nothing that comes from now on leave before the sum of `parts`, in nanoseconds, is over."""
        now = monotonic_ns()
        hold = Hold(now, parts, attempt)
        if not (self._dead or self._over):
            if attempt is not None:
                attempt.held(now)
            self._queue.append(hold)
            self._flush()
        return hold

    def hold_on(self, hold: Hold, influence: Influence, ns: int) -> None:
        """Let a part of a hold that is on last for so long from now, instead of what was said."""
        hold.change(influence, monotonic_ns() + ns)
        if not self._dead:
            self._flush()

    def pace(self, paces: Mapping[Influence, Pace], *, head: int = 0, attempt: Attempt | None = None) -> None:
        """Let what comes from now on leave at these paces, up to the end of an attempt or the next call.

        The first `head` bytes are a head, which paces of bodies let go at once. What of it is held up delays
        `attempt`, unless it was sent with one of its own.
        """
        if not (self._dead or self._over):
            self._queue.append(PaceChange(paces, head, attempt))
            if paces:
                self._expect_many()
            self._flush()

    def end(self) -> None:
        """Pass on, behind everything that is here, that no more comes. Swallowed like bytes are."""
        if self._dead or self._over or self.ended or (self._queue and self._queue[-1] is END):
            return
        parts: HoldParts = {}
        for stage in self._stages:
            action = stage.act_at_end()
            if isinstance(action, Swallow):
                return
            if action is not None:
                parts[stage.influence] = action.ns
        if parts:
            self._queue.append(Hold(monotonic_ns(), parts, None))
        self._queue.append(END)
        self._flush()

    def cut(self, *, reset: bool = False) -> None:
        """End the connection behind everything that is here. Nothing more is taken, whatever is lifted."""
        if not (self._dead or self._over):
            self._over = True
            self._queue.append(Cut(reset=reset))
            self._flush()

    def kill(self) -> None:
        """Drop everything, now and later."""
        self._dead = True
        self.clear = False
        self._queue.clear()
        self._queued = 0
        self._stages.clear()
        self._paces.clear()
        self._source = None
        self._on_need = self._on_end = _tell_nobody
        self._on_cut = _tell_nobody_of
        self._on_full = None
        self._disarm()

    # -- influences -----------------------------------------------------------------------------------

    def add_stage(self, stage: Stage) -> None:
        """Let every later piece meet a stage, behind those that are there. Its pace also is for pieces that wait."""
        if not self._dead:
            self._stages.append(stage)
            self.clear = False
            self._expect_many()
            if stage.pace is not None:
                self._paces.add_stage(stage.influence, stage.pace, monotonic_ns())

    @property
    def has_stages(self) -> bool:
        return bool(self._stages)

    def renew_pace(self, influence: Influence) -> None:
        """Begin the pace of a stage again, because its influence has changed."""
        if not self._dead:
            self._paces.renew(influence, monotonic_ns())
            self._flush()

    def lift(self, influence: Influence) -> None:
        """Take out what an influence does here; bytes that only it held leave at once."""
        if self._dead or not (self._stages or self._queue or self._paces):
            return
        self._stages = [stage for stage in self._stages if stage.influence is not influence]
        self._paces.lift(influence)
        for item in self._queue:
            if isinstance(item, Hold):
                item.lift(influence)
            elif isinstance(item, PaceChange):
                item.paces.pop(influence, None)
        self._flush()

    # -- inside ---------------------------------------------------------------------------------------

    def _flush(self) -> None:
        queue = self._queue
        parted = False
        while queue:
            item = queue[0]
            if isinstance(item, Hold):
                if not self._pass_hold(item):
                    break
            elif isinstance(item, Piece):
                if item.data and self._paces:
                    if not self._is_due(item, parted=parted):
                        break
                    parted = self._pass_part(item)
                elif not self._pass_piece(item):
                    break
            elif isinstance(item, PaceChange):
                queue.popleft()
                self._delays = item.attempt
                self._paces.change(item.paces, monotonic_ns(), item.head)
            elif isinstance(item, Cut):
                queue.popleft()
                self._on_cut(item.reset)
            else:
                queue.popleft()
                self._pass_end()
        self._settle()

    def _settle(self) -> None:
        """Say how it stands, now that all that may leave has left."""
        if not self._queue:
            self._disarm()
        waits = self._queue or self._stages or self._paces or self.transport is None
        self.clear = not (waits or self._dead or self._over or self.ended)
        self._watch_source()

    def _pass_hold(self, hold: Hold) -> bool:
        now = monotonic_ns()
        if now < hold.due:
            self._wait_until(hold.due, now)
            return False
        self._queue.popleft()
        if hold.attempt is not None:
            hold.attempt.released(now)
        self._paces.wake(hold.due)
        return True

    def _pass_piece(self, piece: Piece) -> bool:
        data = piece.data
        if data:
            if self.transport is None:
                self._on_need()
                return False
            if piece.gone:
                data = data[piece.gone :]
            self.transport.write(data)
        self._take_off(piece, len(data))
        return True

    def _is_due(self, piece: Piece, *, parted: bool) -> bool:
        """Tell whether some of a piece may leave now by every pace; else wait until it may.

        Parts are to leave as packets of their own, and what is written in one turn of the loop leaves as one packet.
        So behind a part that has just left, the next one always waits for another turn.
        """
        if self.transport is None:
            self._on_need()
            return False
        now = monotonic_ns()
        due = self._paces.due(now)
        attempt = piece.attempt or self._delays
        if parted or due > now:
            if attempt is not None and not attempt.held_since:
                attempt.held(now)
            self._wait_until(due, now)
            return False
        if attempt is not None:
            attempt.released(now)
        return True

    def _pass_part(self, piece: Piece) -> bool:
        """Let go as much of a piece as every pace allows; return whether a part ended with it."""
        assert self.transport is not None
        data = piece.data[piece.gone : piece.gone + self._paces.room(monotonic_ns())]
        self.transport.write(data)
        parted = self._paces.left(len(data))
        self._take_off(piece, len(data))
        return parted

    def _take_off(self, piece: Piece, size: int) -> None:
        """Note that bytes of the first piece have left, and that its attempt ends if those were the last."""
        piece.gone += size
        self._queued -= size
        whole = piece.gone == len(piece.data)
        if whole:
            self._queue.popleft()
        attempt = piece.attempt
        if attempt is not None:
            now = monotonic_ns()
            if size:
                attempt.sent(size, now)
            if whole and piece.last is not None:
                attempt.end(piece.last, now)
                self._paces.change({}, now)

    def _wait_until(self, due: int, now: int) -> None:
        # Timers may be early where the loop's own have to do; the due time is looked at again.
        if self._timer is None or self._due != due:
            self._disarm()
            self._due = due
            self._timer = self._timers.call_later(max(due - now, 0) / NS_PER_S, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._flush()

    def _pass_end(self) -> None:
        self.ended = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()
        self._on_end()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _tell_nobody() -> None:
    """Do nothing: the pipe is dead."""


def _tell_nobody_of(reset: bool) -> None:
    """Do nothing: the pipe is dead."""
