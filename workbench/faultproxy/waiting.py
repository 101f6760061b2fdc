"""What waits in a pipe, in order: bytes, and what is to happen between them."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import HoldParts
from workbench.model.faults.actions import Pace


class Hold:
    """A stretch of time in which nothing behind it leaves."""

    __slots__ = ("_since", "attempt", "due", "parts")

    def __init__(self, now: int, parts: HoldParts, attempt: Attempt | None) -> None:
        self._since = now
        self.due = now + sum(parts.values())
        self.parts = dict(parts)
        self.attempt = attempt

    def lift(self, influence: Influence) -> None:
        """Take out what one influence wants of it."""
        self.due -= self.parts.pop(influence, 0)

    def change(self, influence: Influence, due: int) -> None:
        """Let an influence's part end at `due`; the other parts follow it."""
        if influence in self.parts:
            self.lift(influence)
            self.parts[influence] = due - self._since
            self.due += due - self._since


class Piece:
    """Bytes on their way, of which `gone` have left.

    `last` is the reason with which their attempt ends once all have.
    """

    __slots__ = ("attempt", "data", "gone", "last")

    def __init__(self, data: bytes, attempt: Attempt | None, last: EndReason | None) -> None:
        self.gone = 0
        self.data = data
        self.attempt = attempt
        self.last = last


class PaceChange:
    """From here on bytes leave at these paces, and at those of the stages. The first `head` bytes are a head."""

    __slots__ = ("attempt", "head", "paces")

    def __init__(self, paces: Mapping[Influence, Pace], head: int, attempt: Attempt | None) -> None:
        self.attempt = attempt
        self.paces = dict(paces)
        self.head = head


class End:
    """No more bytes come."""


END = End()


class Cut:
    """The connection ends here, for both sides; for the caller by RST, or by FIN."""

    __slots__ = ("reset",)

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset
