"""Everything that the mechanisms of an edge decide, by one name for metric and span event: `mechanism.decision`."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Decision(StrEnum):
    """What was decided, and by which mechanism."""

    DEADLINE_REFUSED = "deadline.refused"
    DEADLINE_EXPIRED = "deadline.expired"
    FALLBACK_SERVED = "fallback.served"
    HEDGE_SENT = "hedge.sent"
    HEDGE_WON = "hedge.won"
    HEDGE_LOST = "hedge.lost"
    HEDGE_BUDGET_EXHAUSTED = "hedge.budget_exhausted"
    RETRY_SCHEDULED = "retry.scheduled"
    RETRY_BUDGET_EXHAUSTED = "retry.budget_exhausted"
    RETRY_NO_TIME = "retry.no_time"
    BREAKER_ADMITTED = "breaker.admitted"
    BREAKER_REJECTED = "breaker.rejected"
    BREAKER_COUNTED_SUCCESS = "breaker.counted_success"
    BREAKER_COUNTED_FAILURE = "breaker.counted_failure"
    BREAKER_LEFT_OUT = "breaker.left_out"
    BREAKER_CAME_LATE = "breaker.came_late"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_HALF_OPENED = "breaker.half_opened"
    BREAKER_CLOSED = "breaker.closed"
    BULKHEAD_REJECTED = "bulkhead.rejected"
    TIMEOUT_EXPIRED = "timeout.expired"

    @property
    def mechanism(self) -> str:
        """Name of the mechanism that decides it."""
        return self.value.partition(".")[0]


class Observer(Protocol):
    """What a mechanism tells its decisions. `details` are numbers and words that explain this one."""

    def __call__(self, decision: Decision, /, **details: str | float) -> None:
        """Take note of a decision. Must not raise."""


def nobody(_: Decision, /, **__: str | float) -> None:
    """Take no note: for a mechanism that is used alone."""
