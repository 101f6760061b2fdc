"""A retry budget: retries stay a bounded share of calls, so that callers do not multiply an outage."""

from __future__ import annotations


class RetryBudget:
    """A bucket that every call fills by `per_call` and every retry empties by one, up to `burst`."""

    def __init__(self, *, per_call: float, burst: float = 10.0) -> None:
        if per_call < 0 or burst < 1:
            raise ValueError("per_call must be at least 0, and burst at least 1")
        self._per_call = per_call
        self._burst = burst
        self._tokens = burst

    def note_call(self) -> None:
        """Account for a new call."""
        self._tokens = min(self._burst, self._tokens + self._per_call)

    def take(self) -> bool:
        """Take one retry out of the budget; False when it is exhausted."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
