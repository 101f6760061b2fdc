"""A circuit breaker: stops calling a callee that keeps failing, and finds out cheaply when it is back.

Counts attempts, not time: it opens as soon as `failures` of the last `window` attempts failed, or `slow` of
them took `slow_s` or longer. So `failures` failing attempts in a row always open it, whatever came before.
While half open it lets `probes` attempts through and rejects the rest at once. Results that arrive from
before the last change of state are ignored, and so are cancelled attempts. It knows nothing of HTTP.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.resilience.decisions import Decision, Observer, nobody


class State(StrEnum):
    """Whether attempts are let through: all, probes only, none."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


TRANSITIONS = {
    Decision.BREAKER_OPENED: State.OPEN,
    Decision.BREAKER_HALF_OPENED: State.HALF_OPEN,
    Decision.BREAKER_CLOSED: State.CLOSED,
}


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When it opens, and how it closes again. Times in seconds."""

    failures: int = 10
    window: int = 20
    reset_s: float = 4.0
    probes: int = 1
    slow: int | None = None
    slow_s: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.failures <= self.window:
            raise ValueError("failures must be between 1 and window")
        if self.slow is not None and not 1 <= self.slow <= self.window:
            raise ValueError("slow must be between 1 and window")
        if self.probes < 1 or self.reset_s <= 0:
            raise ValueError("probes must be at least 1, and reset_s above 0")


class BreakerOpen(Exception):
    """The attempt is not let through."""


class Permit:
    """Leave to make one attempt. Exactly one of its methods must be called when the attempt has ended."""

    __slots__ = ("_breaker", "_generation", "_started_s")

    def __init__(self, breaker: Breaker, generation: int, started_s: float) -> None:
        self._breaker = breaker
        self._generation = generation
        self._started_s = started_s

    def succeeded(self) -> None:
        """Report that the callee did its part."""
        self._breaker._settle(self._generation, self._started_s, failed=False)  # noqa: SLF001 - one concept

    def failed(self) -> None:
        """Report that the callee failed."""
        self._breaker._settle(self._generation, self._started_s, failed=True)  # noqa: SLF001

    def left_out(self) -> None:
        """Report an end that says nothing about the callee, such as a cancellation."""
        self._breaker._leave_out(self._generation)  # noqa: SLF001


class _Window:
    """The last attempts, and how many of them were bad; kept as running sums, so its size costs nothing."""

    __slots__ = ("_recent", "failed", "slow")

    def __init__(self, size: int) -> None:
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=size)
        self.failed = 0
        self.slow = 0

    def add(self, *, failed: bool, slow: bool) -> None:
        recent = self._recent
        if len(recent) == recent.maxlen:
            was_failed, was_slow = recent[0]
            self.failed -= was_failed
            self.slow -= was_slow
        recent.append((failed, slow))
        self.failed += failed
        self.slow += slow

    def clear(self) -> None:
        self._recent.clear()
        self.failed = self.slow = 0


class Breaker:
    """The state machine. For one event loop; not thread-safe."""

    def __init__(
        self,
        policy: BreakerPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer = nobody,
    ) -> None:
        self.policy = policy
        self.observer = observer
        self.state = State.CLOSED
        self._clock = clock
        self._generation = 0
        self._recent = _Window(policy.window)
        self._open_until_s = 0.0
        self._probes_out = 0
        self._probes_good = 0

    def admit(self) -> Permit:
        """Let an attempt through, or raise BreakerOpen."""
        now_s = self._clock()
        if self.state is State.OPEN and now_s >= self._open_until_s:
            self._enter(State.HALF_OPEN)
        if not self._has_room() and not is_planted(Bug.BREAKER_OFF):
            self.observer(Decision.BREAKER_REJECTED)
            raise BreakerOpen
        if self.state is State.HALF_OPEN:
            self._probes_out += 1
        self.observer(Decision.BREAKER_ADMITTED)
        return Permit(self, self._generation, now_s)

    def _has_room(self) -> bool:
        if self.state is State.HALF_OPEN:
            return self._probes_out + self._probes_good < self.policy.probes
        return self.state is State.CLOSED

    def _settle(self, generation: int, started_s: float, *, failed: bool) -> None:
        if generation != self._generation:
            self.observer(Decision.BREAKER_CAME_LATE)
            return
        self.observer(Decision.BREAKER_COUNTED_FAILURE if failed else Decision.BREAKER_COUNTED_SUCCESS)
        slow = self.policy.slow is not None and self._clock() - started_s >= self.policy.slow_s
        if self.state is State.HALF_OPEN:
            self._settle_probe(good=not failed and not slow)
            return
        self._recent.add(failed=failed, slow=slow)
        too_many = self._recent.failed >= self.policy.failures
        too_slow = self.policy.slow is not None and self._recent.slow >= self.policy.slow
        if self.state is State.CLOSED and (too_many or too_slow):
            self._enter(State.OPEN)

    def _settle_probe(self, *, good: bool) -> None:
        self._probes_out -= 1
        if not good:
            self._enter(State.OPEN)
            return
        self._probes_good += 1
        if self._probes_good >= self.policy.probes:
            self._enter(State.CLOSED)

    def _leave_out(self, generation: int) -> None:
        if generation == self._generation and self.state is State.HALF_OPEN:
            self._probes_out -= 1
        self.observer(Decision.BREAKER_LEFT_OUT)

    def _enter(self, state: State) -> None:
        self.state = state
        self._generation += 1
        self._recent.clear()
        self._probes_out = self._probes_good = 0
        if state is State.OPEN:
            self._open_until_s = self._clock() + self.policy.reset_s
        self.observer(next(decision for decision, entered in TRANSITIONS.items() if entered is state))
