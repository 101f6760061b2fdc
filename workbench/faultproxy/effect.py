"""What a fault did to the attempts that it hit, those that are under way included."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.faultproxy.attempt import Attempt


class Effect:
    """Bytes of the hit attempts, and the delay that was added to them. Live: open attempts are read when asked."""

    __slots__ = ("_bytes_in", "_bytes_out", "_delay_ns", "_open")

    def __init__(self) -> None:
        self._bytes_in = 0
        self._bytes_out = 0
        self._delay_ns = 0
        self._open: set[Attempt] = set()

    def begin(self, attempt: Attempt) -> None:
        """Follow an attempt that was hit."""
        self._open.add(attempt)

    def end(self, attempt: Attempt) -> None:
        """Add up an attempt that is over."""
        if attempt in self._open:
            self._open.remove(attempt)
            self._bytes_in += attempt.bytes_in
            self._bytes_out += attempt.bytes_out
            self._delay_ns += attempt.delay_ns

    @property
    def bytes_in(self) -> int:
        """From callers."""
        return self._bytes_in + sum(attempt.bytes_in for attempt in self._open)

    @property
    def bytes_out(self) -> int:
        """To callers."""
        return self._bytes_out + sum(attempt.bytes_out for attempt in self._open)

    @property
    def delay_ns(self) -> int:
        """Added by all faults to the attempts that this one hit."""
        now = monotonic_ns()
        return self._delay_ns + sum(attempt.delay_until(now) for attempt in self._open)
