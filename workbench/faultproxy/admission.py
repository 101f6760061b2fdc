"""Places with a callee that takes only so many requests at a time, as one fault counts them.

A place is given back when its attempt ends, however it ends; the one that waits longest then gets it.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.model.faults.actions import Admit

WAITING_NS = 10**15
"""Longer than any lease: a request that waits for a place goes on when it gets one, or when the fault goes."""


class Gate:
    """Who is with the callee, and who waits, the longest first."""

    __slots__ = ("_inside", "_waiting")

    def __init__(self) -> None:
        self._inside = 0
        self._waiting: dict[Place, None] = {}

    def enter(self, admit: Admit) -> Place | None:
        """Return a place, with the callee or among those that wait; None: there is no room."""
        if self._inside < admit.concurrent:
            self._inside += 1
            return Place(self, admit, self._inside * admit.service_ns)
        if len(self._waiting) < admit.queue:
            place = Place(self, admit, None)
            self._waiting[place] = None
            return place
        return None

    def open(self) -> None:
        """Let nobody wait any more: the fault is off, and all who waited go on without a place."""
        for place in self._waiting:
            place.given_back = True
        self._waiting.clear()

    def give_back(self, place: Place) -> None:
        """Take a place back, once."""
        if place in self._waiting:
            del self._waiting[place]
            return
        self._inside -= 1
        if self._waiting and self._inside < place.admit.concurrent:
            self._inside += 1
            follower = next(iter(self._waiting))
            del self._waiting[follower]
            follower.let_in(self._inside * follower.admit.service_ns)


class Place:
    """One request's place. `hold_ns` is how long it is held before it is forwarded; None: it waits."""

    __slots__ = ("_gate", "_on_dropped", "_on_let_in", "admit", "given_back", "hold_ns")

    def __init__(self, gate: Gate, admit: Admit, hold_ns: int | None) -> None:
        self._gate = gate
        self.admit = admit
        self.hold_ns = hold_ns
        self.given_back = False
        self._on_let_in: Callable[[int], None] | None = None
        self._on_dropped: Callable[[], None] | None = None

    def tell(self, on_let_in: Callable[[int], None], on_dropped: Callable[[], None]) -> None:
        """Say who is to hear that the wait is over: with the nanoseconds to hold it yet, or because it left."""
        self._on_let_in = on_let_in
        self._on_dropped = on_dropped

    def let_in(self, hold_ns: int) -> None:
        """The wait is over."""
        self.hold_ns = hold_ns
        if self._on_let_in is not None:
            self._on_let_in(hold_ns)

    def give_back(self) -> None:
        """Its request is over, or does not need it."""
        if self.given_back:
            return
        self.given_back = True
        self._gate.give_back(self)
        if self.hold_ns is None and self._on_dropped is not None:
            self._on_dropped()
