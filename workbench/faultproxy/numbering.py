"""Number what a fault meets: requests, connections, and the requests of each key."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from workbench.faultproxy.heads import RequestHead, read_all_headers
from workbench.model.faults.base import RequestFault
from workbench.model.faults.eligibility import KEYS_KEPT, Key

if TYPE_CHECKING:
    from workbench.faultproxy.connection import Connection

_DIGEST = 16
"""Bytes that are kept of a key."""


class KeyCounts:
    """How many requests of each key there have been; bounded."""

    __slots__ = ("_counts", "_limit")

    def __init__(self, limit: int = KEYS_KEPT) -> None:
        self._counts: dict[bytes, int] = {}
        self._limit = limit

    def take(self, key: str) -> int:
        """Return the number of this request among those of its key, from 0."""
        short = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=_DIGEST).digest()
        nth = self._counts.pop(short, 0)
        self._counts[short] = nth + 1  # now the last to be forgotten
        if len(self._counts) > self._limit:
            del self._counts[next(iter(self._counts))]
        return nth


class Numbers:
    """The numbers that one fault gives."""

    __slots__ = ("_by_connection", "_connections", "_keys", "_per_connection", "requests")

    def __init__(self, rule: RequestFault) -> None:
        self._per_connection = rule.is_per_connection
        self.requests = 0
        """Eligible so far."""
        self._connections = 0
        self._by_connection: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
        self._keys = KeyCounts()

    def take(self, connection: Connection | None) -> int:
        """Count a request; return its ordinal, or that of its connection where connections are decided on."""
        ordinal = self.requests
        self.requests += 1
        if not self._per_connection:
            return ordinal
        if connection is None:
            number, self._connections = self._connections, self._connections + 1
            return number
        number = self._by_connection.setdefault(connection, self._connections)
        if number == self._connections:
            self._connections += 1
        return number

    def take_nth(self, by: Key, head: RequestHead | None) -> int:
        """Count a request for its key; return its number among those of the key."""
        return self._keys.take(key_of(by, head))


def key_of(by: Key, head: RequestHead | None) -> str:
    """Return what makes a request the same as others. Those that lack it count as one key."""
    if head is None or by.by == "edge":
        return ""
    if by.by == "path":
        return head.path
    if by.by == "trace":
        return head.trace_id or ""
    assert by.header is not None
    headers, name = read_all_headers(head.raw), by.header.lower()
    return headers[name] if name in headers else ""
