"""When a breaker opened, read from the attempts: they stop for its reset timeout while calls go on.

The application is not asked whether its breaker opened. What it says about a refused call is only used to leave
out calls that something else refused (a bulkhead, a deadline), never to count one in.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks.stretches import Stretch
from workbench.model.history import History

PAUSE = 0.95
"""Part of the reset timeout that attempts have to stop for; a probe may come a little early by our clock."""

CALLS_IN_PAUSE = 3
ATTEMPTS_EXPECTED = 5
"""Without call spans: a pause counts if so many attempts would have come in it at the rate of baseline."""

_ATTEMPTS = """
SELECT started, ended, failed FROM attempts_at_hand
WHERE edge = ? AND started >= ? AND started < ?
ORDER BY started, ended
"""

_REFUSED = "SELECT count(*), min(ended) FROM refused_at_hand WHERE edge = ? AND started > ? AND started < ?"

_BASELINE = """
SELECT count(*), (SELECT sum(end_ns - start_ns) FROM phases WHERE role = 'baseline')
FROM attempts_at_hand a JOIN phases p ON a.started >= p.start_ns AND a.started < p.end_ns
WHERE p.role = 'baseline' AND a.edge = ?
"""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch without attempts. It is an opening if calls went on in it."""

    last_start_ns: int
    """Start of the last attempt before it."""
    end_ns: int
    """Start of the next attempt, or the undo."""
    refused_ns: int | None
    """When the first call that made no attempt was answered; None if too few calls show that it is an opening."""
    calls: int
    """Calls in it that made no attempt (without call spans: attempts that were to be expected)."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the attempts of a stretch say about a breaker. Times since run zero; counts up to the opening."""

    attempts: int
    failed: int
    first_failed_end_ns: int | None
    """End of the first failing attempt: from here the caller knows."""
    pause: Pause | None
    """The first pause that is an opening."""
    doubtful: Pause | None
    """The longest pause that might be one, but too few calls were made in it."""
    longest_ns: int
    """The longest time without an attempt, after the first failing one."""


def find_opening(history: History, stretch: Stretch, reset_ns: int) -> Opening:
    """Find the first time after a failing attempt that attempts stop for the reset timeout while calls go on."""
    assert stretch.on_ns is not None
    search = _Search(history, stretch, reset_ns)
    rows = history.stream(_ATTEMPTS, stretch.edge, stretch.on_ns, stretch.undo_ns)
    for started, ended, failed in rows:
        if search.paused_until(started):
            break
        search.attempt(started, ended, failed=failed)
    else:
        search.paused_until(stretch.undo_ns)
    return search.opening()


class _Search:
    """One pass over the attempts of a stretch, in order of their start."""

    def __init__(self, history: History, stretch: Stretch, reset_ns: int) -> None:
        self._history, self._stretch, self._reset_ns = history, stretch, reset_ns
        self._attempts = self._failed = self._longest_ns = 0
        self._first_failed_end_ns: int | None = None
        self._last_start_ns: int | None = None
        self._pause: Pause | None = None
        self._doubtful: Pause | None = None

    def attempt(self, started: int, ended: int, *, failed: bool) -> None:
        self._attempts += 1
        self._last_start_ns = started
        if failed:
            self._failed += 1
            first = self._first_failed_end_ns
            self._first_failed_end_ns = ended if first is None else min(first, ended)

    def paused_until(self, moment: int) -> bool:
        """Tell whether the time since the last attempt is an opening."""
        if self._last_start_ns is None or self._first_failed_end_ns is None:
            return False
        length = moment - self._last_start_ns
        self._longest_ns = max(self._longest_ns, length)
        if length < PAUSE * self._reset_ns:
            return False
        pause = _pause(self._history, self._stretch.edge, self._last_start_ns, moment)
        if pause.refused_ns is not None:
            self._pause = pause
        elif self._doubtful is None or length > self._doubtful.end_ns - self._doubtful.last_start_ns:
            self._doubtful = pause
        return self._pause is not None

    def opening(self) -> Opening:
        return Opening(
            attempts=self._attempts,
            failed=self._failed,
            first_failed_end_ns=self._first_failed_end_ns,
            pause=self._pause,
            doubtful=self._doubtful,
            longest_ns=self._longest_ns,
        )


def _pause(history: History, edge: str, last: int, until: int) -> Pause:
    if has_calls(history, edge):
        calls, answered = history.row(_REFUSED, edge, last, until)
        return Pause(last, until, answered if calls >= CALLS_IN_PAUSE else None, calls)
    rate = _baseline_rate(history, edge)
    expected = 0.0 if rate is None else rate * (until - last)
    # With Poisson arrivals one comes within three mean distances in 95 of 100 cases.
    shown = last + round(3 / rate) if rate is not None and expected >= ATTEMPTS_EXPECTED else None
    return Pause(last, until, shown, int(expected))


def has_calls(history: History, edge: str) -> bool:
    """Tell whether the calls of an edge are known by spans of their own."""
    return bool(history.once(f"calls on {edge}", lambda: _count_calls(history, edge)))


def _count_calls(history: History, edge: str) -> int:
    (calls,) = history.row("SELECT count(*) FROM calls WHERE edge = ?", edge)
    return int(calls)


def _baseline_rate(history: History, edge: str) -> float | None:
    """Return attempts per ns on an edge in baseline; None if nothing is known of it."""
    attempts, lasted = history.row(_BASELINE, edge)
    return attempts / lasted if attempts and lasted else None
