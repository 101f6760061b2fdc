"""The small vocabulary in which a kind of fault tells the plane what to do to one request.

None of them is a kind: several kinds share one action, and the plane carries actions out without knowing kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Side = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Delay:
    """Hold the request (before it is forwarded) or the response (before its first byte) for `ns`."""

    ns: int
    side: Side


@dataclass(frozen=True, slots=True)
class Pace:
    """Let bytes of one side go in pieces: after each piece nothing leaves for a while.

    Piece i has `size(i)` bytes and is followed by `gap(i)` nanoseconds, for i = 0, 1, 2 ... in each connection
    or request. `body_only`: heads of requests and answers pass at once.
    """

    side: Side
    size: Callable[[int], int]
    gap: Callable[[int], int]
    body_only: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """End the connection in the middle of the answer: after `after_bytes` of its body, always before the last byte.

    An answer without a body passes whole.
    """

    after_bytes: int


@dataclass(frozen=True, slots=True)
class Copy:
    """An answer as it can be changed: `body` is decoded, `target` is the request's path with its query."""

    status: int
    target: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Alter:
    """Give the caller another body: what `change` makes of the answer. None from it: the answer passes as it is.

    `memory` is empty when the fault comes on and is the fault's own from then on, shared by all its requests.
    """

    change: Callable[[Copy, dict[str, bytes]], bytes | None]


@dataclass(frozen=True, slots=True)
class Admit:
    """Let at most `concurrent` requests be with the callee, and `queue` wait; the others are answered `refusal`.

    A request that is let in while n are with the callee (itself counted) is held for n times `service_ns` first.
    """

    concurrent: int
    queue: int
    service_ns: int
    refusal: Answer


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the callee's place; the callee is not called."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Swallow:
    """Take the bytes and give nothing back; the connection is closed when the fault is removed."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the caller's connection in place of an answer; the callee is not called. `reset`: by RST, not by FIN."""

    reset: bool


@dataclass(frozen=True, slots=True)
class Lose:
    """Forward the request and let the callee finish; its answer does not arrive.

    The caller gets `instead`: another answer, the end of its connection, or nothing (until the fault is removed).
    """

    instead: Answer | Close | Swallow


Shaping = Delay | Pace | Truncate | Alter | Admit
"""Several of them can be on at once: they add up."""

Ending = Answer | Swallow | Close | Lose
"""The first of them decides how the request ends."""

Action = Shaping | Ending
