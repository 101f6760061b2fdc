"""How an attempt, and the call it belongs to, can end. The words are those of metrics and spans."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """End of an attempt on the wire, or of a logical call."""

    OK = "ok"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    CONNECT_REFUSED = "connect_refused"
    CONNECTION_LOST = "connection_lost"
    INVALID = "invalid"
    CANCELLED = "cancelled"
    REJECTED_BREAKER = "rejected_breaker"
    REJECTED_BULKHEAD = "rejected_bulkhead"
    DEADLINE = "deadline"
    RETRY_BUDGET = "retry_budget"


CALL_ONLY = frozenset({Outcome.REJECTED_BREAKER, Outcome.REJECTED_BULKHEAD, Outcome.RETRY_BUDGET})
"""Ends that a call can have and an attempt cannot."""

ATTEMPT_OUTCOMES = tuple(outcome for outcome in Outcome if outcome not in CALL_ONLY)
CALL_OUTCOMES = tuple(Outcome)

CALLEE_FAILED = frozenset(
    {Outcome.SERVER_ERROR, Outcome.TIMEOUT, Outcome.CONNECT_REFUSED, Outcome.CONNECTION_LOST, Outcome.INVALID}
)
"""What speaks against the callee. A 4xx is the caller's doing, and a 429 shows that the callee is alive."""

SAYS_NOTHING = frozenset({Outcome.RATE_LIMITED, Outcome.DEADLINE})
"""What speaks neither against the callee nor for it."""

TRANSIENT = CALLEE_FAILED | {Outcome.RATE_LIMITED}
"""What another attempt may mend."""

NEVER_SENT = frozenset({Outcome.CONNECT_REFUSED})
"""What proves that the callee did not see the request; safe to retry whatever it asked for."""

MAY_HAVE_ACTED = frozenset(
    {
        Outcome.SERVER_ERROR,
        Outcome.TIMEOUT,
        Outcome.CONNECTION_LOST,
        Outcome.INVALID,
        Outcome.CANCELLED,
        Outcome.DEADLINE,
    }
)
"""What leaves open whether the callee did what it was asked to do."""


class AttemptFailed(Exception):
    """One attempt ended in a way that is no answer to the question."""

    def __init__(
        self,
        outcome: Outcome,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(f"{outcome} {detail}".strip())
        self.outcome = outcome
        self.status = status
        self.retry_after_s = retry_after_s


class CallFailed(Exception):
    """A logical call on an edge failed for good.

    `may_have_acted`: at least one attempt left open whether the callee acted.
    """

    def __init__(self, edge: str, call_id: str, outcome: Outcome, *, attempts: int, may_have_acted: bool) -> None:
        super().__init__(f"{edge}: {outcome} after {attempts} attempts")
        self.edge = edge
        self.call_id = call_id
        self.outcome = outcome
        self.attempts = attempts
        self.may_have_acted = may_have_acted
