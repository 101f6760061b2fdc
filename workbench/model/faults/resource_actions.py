"""What a fault on a resource has done to the work of its services there, in the words that services take.

None of them is a kind: `actions` is the same for edges, `process_actions` for services.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ResourceType = Literal["database", "broker", "cache"]
"""What a resource can be."""

Doing = Literal["slow", "fail", "read_only", "lock", "down", "duplicate", "reorder", "watch"]


@dataclass(frozen=True, slots=True)
class Disturb:
    """Do something to every piece of work that is hit: a transaction, a message, an access to the cache.

    `slow` holds it for `delay_ns`, `fail` and `down` make it fail as the driver would, `read_only` refuses writes,
    `lock` keeps the write lock, `duplicate` delivers twice, `reorder` delivers late, behind the ones that follow.
    `watch` does nothing: the service counts as hit what fails because the server is away, or lasts for `delay_ns` or
    longer, because somebody else sees to that.
    """

    do: Doing
    delay_ns: int = 0
