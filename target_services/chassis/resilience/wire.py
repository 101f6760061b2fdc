"""What an edge asks and is answered, and the wire that carries it: one exchange, whatever the protocol.

A wire says what became of an exchange in the words of `outcomes`, and decides nothing else. Statuses are those of
HTTP on every wire, and a refusal is a problem document on every wire, so that callers read all callees alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT_METHODS = _READING_METHODS | {"PUT", "DELETE"}


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a callee. `attempts` lowers the number of attempts of the edge's policy.

    `body` is what the wire makes a message of: data for JSON, a protobuf message for gRPC.
    """

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    attempts: int | None = None
    read_only: bool = False

    @property
    def reads(self) -> bool:
        """Tell whether it changes nothing, so that it may even be under way twice."""
        return self.read_only or self.method in _READING_METHODS

    @property
    def repeatable(self) -> bool:
        """Tell whether it may be sent twice."""
        return self.reads or self.method in _IDEMPOTENT_METHODS or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that is not a failure: 2xx, 3xx, or a 4xx that says something."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body as data. Raises ValueError when it is not JSON."""
        return json.loads(self.body)

    def problem(self) -> str | None:
        """Return the slug of the problem that a 4xx answer states."""
        if self.status < 400:
            return None
        document = self.json()
        kind = document.get("type") if isinstance(document, dict) else None
        return kind.rpartition(":")[2] if isinstance(kind, str) else None


class Wire(Protocol):
    """Carries calls to one callee."""

    async def open(self) -> None:
        """Make it ready; within the running event loop."""

    async def close(self) -> None:
        """Close all connections."""

    def attributes(self, call: Call) -> dict[str, str]:
        """Return what the span of an attempt says of it."""

    async def exchange(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Send a call, once, and return the whole answer. Raises AttemptFailed for everything that is none."""


def judged(answer: Answer) -> Answer:
    """Return an answer that is one. Raises AttemptFailed where its status says that the callee failed.

    `deadline`: the callee says that the time which it was given is over. Who gave it knows whose time that was.
    """
    if answer.status == 429:
        outcome = Outcome.RATE_LIMITED
    elif answer.status == 504 and _says_that_time_is_over(answer):
        outcome = Outcome.DEADLINE
    elif answer.status >= 500:
        outcome = Outcome.SERVER_ERROR
    else:
        return answer
    raise AttemptFailed(outcome, status=answer.status, retry_after_s=_retry_after_s(answer))


def _says_that_time_is_over(answer: Answer) -> bool:
    try:
        return answer.problem() == deadlines.SLUG
    except ValueError:
        return False


def _retry_after_s(answer: Answer) -> float | None:
    """Read Retry-After in seconds. Its other form, a date, is not used between services and is left out."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
