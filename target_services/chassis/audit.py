"""What a service has done, told from its own database, as one JSON document that is streamed page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import ColumnElement, Select, select, tuple_

from target_services.chassis.database import Database

_PAGE = 1000
"""Rows read at once; between two pages other requests get their turn."""

Row = Mapping[str, object]


class Audited(Protocol):
    """What can give an account of itself. `since_ns` is wall time; rows created before it are left out."""

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield pages of things that clients were promised: kind, id, key, state, terminal, perhaps trace_id."""

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield pages of things that must happen once per key: kind, key, id, state.

        What took something from a part says so: part, amount, at_wall_ns.
        """

    async def pending(self) -> int:
        """Return how much work was accepted and is not finished."""

    async def totals(self) -> Mapping[str, int]:
        """Return what has to agree with the books of other services, all read at one moment."""


@runtime_checkable
class InParts(Protocol):
    """What can tell its totals for each part by itself, such as each product."""

    async def parts(self) -> Mapping[str, Mapping[str, int]]:
        """Return name of the part -> the totals of it alone."""


async def pages(
    database: Database, query: Select[Any], created: ColumnElement[int], unique: ColumnElement[str], since_ns: int
) -> AsyncIterator[list[Row]]:
    """Yield the rows of a query that were created since then, oldest first, a page at a time.

    `created` and `unique` must be among the columns that the query selects.
    """
    last: tuple[int, str] = (since_ns, "")
    while True:
        page = query.where(tuple_(created, unique) > last).order_by(created, unique).limit(_PAGE)
        rows = await database.read(lambda connection, q=page: connection.execute(q).mappings().all())  # type: ignore[misc]
        if rows:
            yield [{name: value for name, value in row.items() if name != created.name} for row in rows]
        if len(rows) < _PAGE:
            return
        last = (rows[-1][created.name], rows[-1][unique.name])


async def nothing(_since_ns: int) -> AsyncIterator[list[Row]]:
    """Yield no page; for a service that has no records, or no effects."""
    none: tuple[list[Row], ...] = ()
    for page in none:
        yield page


async def document(service: str, audited: Audited, since_ns: int) -> AsyncIterator[str]:
    """Yield the audit document piece by piece."""
    yield f'{{"service":{json.dumps(service)},"records":['
    async for piece in _joined(audited.records(since_ns)):
        yield piece
    yield '],"effects":['
    async for piece in _joined(audited.effects(since_ns)):
        yield piece
    yield f'],"pending":{await audited.pending()},"totals":{json.dumps(dict(await audited.totals()))}'
    if isinstance(audited, InParts):
        yield f',"parts":{json.dumps(dict(await audited.parts()), separators=(",", ":"))}'
    yield "}"


async def totals(database: Database, **sums: ColumnElement[Any]) -> dict[str, int]:
    """Return some sums, read in one statement and so at one moment. A sum of nothing is 0."""
    row = await database.read(lambda connection: connection.execute(select(*sums.values())).one())
    return {name: int(value or 0) for name, value in zip(sums, row, strict=True)}


async def _joined(source: AsyncIterator[list[Row]]) -> AsyncIterator[str]:
    separator = ""
    async for page in source:
        yield separator + json.dumps(page, separators=(",", ":"))[1:-1]
        separator = ","
