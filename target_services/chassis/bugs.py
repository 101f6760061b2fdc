"""Defects that can be planted on purpose, by name, to see whether a check catches them.

Each is one condition at the place where the real defect would be. Nothing else may depend on this module:
a bug must not announce itself, so policies and metrics stay as they are without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Bug(StrEnum):
    """Name of a defect, as in WORKBENCH_BUGS."""

    BREAKER_OFF = "breaker-off"
    RETRIES_UNBOUNDED = "retries-unbounded"
    FALLBACK_OFF = "fallback-off"
    TIMEOUT_MISSING = "timeout-missing"
    IDEMPOTENCY_IGNORED = "idempotency-ignored"
    OVERSELL = "oversell"
    CONSUMER_NOT_IDEMPOTENT = "consumer-not-idempotent"
    OUTBOX_OUTSIDE = "outbox-outside"
    COMPENSATION_LOST = "compensation-lost"
    PUBLISH_UNCONFIRMED = "publish-unconfirmed"
    CACHE_REQUIRED = "cache-required"
    MEMORY_LEAK = "memory-leak"


MEANINGS: dict[Bug, str] = {
    Bug.BREAKER_OFF: "circuit breakers let every attempt through, whatever they have seen",
    Bug.RETRIES_UNBOUNDED: "failed calls are retried for as long as they fail, without limit or retry budget",
    Bug.FALLBACK_OFF: "no fallback runs: a failed call fails its request",
    Bug.TIMEOUT_MISSING: "calls from orders to payments have no per-attempt timeout",
    Bug.IDEMPOTENCY_IGNORED: "payments ignores the idempotency key of a capture, so a retry captures again",
    Bug.OVERSELL: "inventory looks how many are there and takes from that, whatever others take in between",
    Bug.CONSUMER_NOT_IDEMPOTENT: "notifications does not consult its inbox, so what is delivered twice is sent twice",
    Bug.OUTBOX_OUTSIDE: "orders writes the outbox row of a confirmed order after the commit, in another transaction",
    Bug.COMPENSATION_LOST: "orders takes a compensation whose call failed for done: goods or money stay taken",
    Bug.PUBLISH_UNCONFIRMED: "orders takes every message that it has sent for one that has arrived",
    Bug.CACHE_REQUIRED: "catalog fails a request whose cache cannot be asked, in place of asking the database",
    Bug.MEMORY_LEAK: "catalog keeps two MiB for each page that it has shown, and never lets go of them",
}

_planted: set[Bug] = set()


def plant(bugs: Iterable[Bug]) -> None:
    """Plant exactly these bugs in this process."""
    _planted.clear()
    _planted.update(bugs)


def is_planted(bug: Bug) -> bool:
    """Tell whether a bug is planted."""
    return bug in _planted
