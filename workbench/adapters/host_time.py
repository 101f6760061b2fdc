"""The host's clocks."""

from __future__ import annotations

import time

from workbench.model.events import Clock


class HostTime:
    """Real time and real sleep."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def clock(self) -> Clock:
        """Read both clocks, the monotonic one on both sides of the wall clock, and take the middle."""
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        return Clock(monotonic_ns=(before + after) // 2, wall_ns=wall)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0))
