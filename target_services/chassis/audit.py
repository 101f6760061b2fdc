"""What a service has done, told from its own database, as one JSON document that is streamed row by row."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

_CHUNK = 500
"""Rows per chunk; between two chunks other requests get their turn."""

Row = Mapping[str, object]


class Audited(Protocol):
    """What can give an account of itself. `since_ns` is wall time; rows created before it are left out."""

    def records(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield things that clients were promised: kind, id, key, state, terminal."""

    def effects(self, since_ns: int) -> AsyncIterator[Row]:
        """Yield things that must happen once per key: kind, key, id, state."""

    async def pending(self) -> int:
        """Return how much work was accepted and is not finished."""


async def nothing(_since_ns: int) -> AsyncIterator[Row]:
    """Yield no row; for a service that has no records, or no effects."""
    none: tuple[Row, ...] = ()
    for row in none:
        yield row


async def document(service: str, audited: Audited, since_ns: int) -> AsyncIterator[str]:
    """Yield the audit document piece by piece."""
    yield f'{{"service":{json.dumps(service)},"records":['
    async for piece in _joined(audited.records(since_ns)):
        yield piece
    yield '],"effects":['
    async for piece in _joined(audited.effects(since_ns)):
        yield piece
    yield f'],"pending":{await audited.pending()}}}'


async def _joined(rows: AsyncIterator[Row]) -> AsyncIterator[str]:
    first, chunk = True, list[str]()
    async for row in rows:
        chunk.append(json.dumps(row, separators=(",", ":")))
        if len(chunk) == _CHUNK:
            yield ("" if first else ",") + ",".join(chunk)
            first, chunk = False, []
    if chunk:
        yield ("" if first else ",") + ",".join(chunk)
