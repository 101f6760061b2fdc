"""How bytes leave a pipe in parts, with gaps between them."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.faultproxy.active_fault import Influence
from workbench.model.faults.actions import Pace
from workbench.model.units import NS_PER_MS

_SHORTEST_EMPTY_GAP_NS = NS_PER_MS


class Pacer:
    """A pace at work: how many bytes may leave now, and if none, when.

    Deadlines are counted from each other and not from when the loop got round to them, so a late timer lowers
    no rate; time in which there was nothing to send is not made up for.
    """

    __slots__ = ("_free", "_left", "_number", "_pace", "due", "influence")

    def __init__(self, influence: Influence, pace: Pace, now: int, free: int = 0) -> None:
        self.influence = influence
        self.due = now
        self._pace = pace
        self._free = free
        """Bytes that pass at once, before the pace begins."""
        self._number = -1
        self._left = 0
        self._next()

    def room(self, now: int) -> int:
        """Return how many bytes may leave now; 0: none before `due`."""
        if self._free:
            return self._free
        while self._left <= 0 and self.due <= now:
            self._end_part(_SHORTEST_EMPTY_GAP_NS)
        return self._left if self.due <= now else 0

    def left(self, size: int) -> bool:
        """Note that bytes have left, at most as many as there was room for. Return whether a part ended with them."""
        if self._free:
            self._free -= size
            return False
        self._left -= size
        if self._left > 0:
            return False
        self._end_part(0)
        return True

    def renew(self, now: int) -> None:
        """Begin a part now: its size is another one than it was."""
        self.due = now
        self._next()

    def wake(self, since: int) -> None:
        """Note that there is something to send again, since then."""
        self.due = max(self.due, since)

    def _end_part(self, shortest_gap_ns: int) -> None:
        self.due += max(self._pace.gap(self._number), shortest_gap_ns)
        self._next()

    def _next(self) -> None:
        self._number += 1
        self._left = self._pace.size(self._number)


class Paces:
    """All that are at work in one pipe: those of its stages, and those of the bytes that are leaving now."""

    __slots__ = ("_all", "_own", "_stages")

    def __init__(self) -> None:
        self._stages: tuple[Pacer, ...] = ()
        self._own: tuple[Pacer, ...] = ()
        self._all: tuple[Pacer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._all)

    def add_stage(self, influence: Influence, pace: Pace, now: int) -> None:
        """Begin a pace that is for all bytes until it is lifted."""
        self._stages += (Pacer(influence, pace, now),)
        self._all = self._stages + self._own

    def change(self, paces: Mapping[Influence, Pace], now: int, head: int = 0) -> None:
        """Begin the paces of the bytes that leave from now on; those of bodies let `head` bytes go first."""
        self._own = tuple(
            Pacer(influence, pace, now, head if pace.body_only else 0) for influence, pace in paces.items()
        )
        self._all = self._stages + self._own

    def lift(self, influence: Influence) -> None:
        """Drop the paces of one influence."""
        self._stages = tuple(pacer for pacer in self._stages if pacer.influence is not influence)
        self._own = tuple(pacer for pacer in self._own if pacer.influence is not influence)
        self._all = self._stages + self._own

    def renew(self, influence: Influence, now: int) -> None:
        """Ask for sizes and gaps again: the influence has changed."""
        for pacer in self._stages:
            if pacer.influence is influence:
                pacer.renew(now)

    def clear(self) -> None:
        """Drop all."""
        self._stages, self._own, self._all = (), (), ()

    def due(self, now: int) -> int:
        """Return from when on bytes may leave by every pace; not later than now if they may."""
        return max((pacer.due for pacer in self._all if not pacer.room(now)), default=now)

    def room(self, now: int) -> int:
        """Return how many bytes may leave now by every pace."""
        return min(pacer.room(now) for pacer in self._all)

    def left(self, size: int) -> bool:
        """Note that bytes have left, and return whether a part ended with them."""
        return sum(pacer.left(size) for pacer in self._all) > 0

    def wake(self, since: int) -> None:
        """Note that bytes can leave again, after a time in which none could: no pace makes up for it."""
        for pacer in self._all:
            pacer.wake(since)
