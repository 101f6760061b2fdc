"""A clock that moves only when somebody sleeps, and makes things happen on its way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from tests.fakes.calls import Calls
from workbench.model.events import Clock
from workbench.model.units import NS_PER_S

STARTED_NS = 5_000 * NS_PER_S
WALL_NS = 1_767_225_600 * NS_PER_S


class FakeTime:
    """`sleep` takes at least `step_s`, as on a busy machine: a run needs few calls then."""

    def __init__(self, calls: Calls, step_s: float = 0.0) -> None:
        self._calls = calls
        self._now_ns = STARTED_NS
        self._step_s = step_s
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()

    def now_ns(self) -> int:
        return self._now_ns

    def clock(self) -> Clock:
        return Clock(monotonic_ns=self._now_ns, wall_ns=WALL_NS + self._now_ns)

    def sleep(self, seconds: float) -> None:
        with self._calls.passing("time.sleep"):
            self.pass_by(max(seconds, self._step_s))

    def pass_by(self, seconds: float) -> None:
        """Let time go on, and do what is due on the way, each at its time."""
        until = self._now_ns + round(seconds * NS_PER_S)
        while self._due and self._due[0][0] <= until:
            at_ns, _, action = self._due.pop(0)
            self._now_ns = max(self._now_ns, at_ns)
            action()
        self._now_ns = until

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen once so much time has gone by."""
        self._due.append((self._now_ns + round(seconds * NS_PER_S), next(self._numbers), action))
        self._due.sort()

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen again and again."""

        def again() -> None:
            action()
            self.after(seconds, again)

        self.after(seconds, again)
