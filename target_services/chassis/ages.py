"""How old something is that was stamped with wall time: a clock that is set forward makes nothing older.

Wall time has to outlive the process, so it is what stands in tables; but it can jump. Where old age has consequences
that cannot be taken back, jumps that happened while this process ran are taken out. What jumped before it started
cannot be known. A machine that slept counts as one whose clock jumped: nobody could have done anything meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_JUMP_NS = 1_000_000_000
"""Clocks that are merely corrected go wrong by less than this between two looks."""

ClockNs = Callable[[], int]


class Ages:
    """Tells ages. To be asked now and then: between two questions all jumps are seen as one."""

    def __init__(self, wall_ns: ClockNs = time.time_ns, monotonic_ns: ClockNs = time.monotonic_ns) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._seen = (wall_ns(), monotonic_ns())
        self._jumps: list[tuple[int, int]] = []
        """Until when stamps are of before a jump forward, and how far it went."""

    def of(self, created_ns: int) -> int:
        """Return for how long something has been there, in ns, given its stamp."""
        now_ns = self._look()
        return now_ns - created_ns - sum(ahead_ns for until_ns, ahead_ns in self._jumps if created_ns <= until_ns)

    def stamp_of(self, age_ns: int) -> int:
        """Return a stamp such that whatever has an earlier one is certainly older than this."""
        stamp_ns = self._look() - age_ns
        for until_ns, ahead_ns in reversed(self._jumps):
            if until_ns <= stamp_ns - ahead_ns:
                break  # it jumped longer ago than this age: what is of before it is as old
            stamp_ns -= ahead_ns
        return stamp_ns

    def _look(self) -> int:
        wall_ns, monotonic_ns = self._wall_ns(), self._monotonic_ns()
        expected_ns = self._seen[0] + monotonic_ns - self._seen[1]
        if wall_ns - expected_ns > _JUMP_NS:
            self._jumps.append((expected_ns, wall_ns - expected_ns))
        elif expected_ns - wall_ns > _JUMP_NS:
            self._jumps.clear()  # it was put right; stamps of meanwhile lie in the future, and are merely young
        self._seen = wall_ns, monotonic_ns
        return wall_ns
