"""Searching the catalog: words and filters become one statement, and a cursor says where its next page begins.

A cursor holds the place in the order, not a number of rows to skip: a page costs the same wherever it is, and no
product is shown twice because another one came or went. It belongs to its search, and is refused by any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from target_services.catalog.tables import LARGEST_ID, PRODUCTS
from target_services.chassis.cursors import Cursors


class Sort(StrEnum):
    """The order of the products; by number among equals."""

    ID = "id"
    NAME = "name"
    PRICE = "price"
    PRICE_DESCENDING = "-price"


@dataclass(frozen=True, slots=True)
class Search:
    """What products are looked for. `q`: words that all have to be in the name, in any order and case."""

    q: str = ""
    category: str | None = None
    material: str | None = None
    min_price_cents: int | None = None
    max_price_cents: int | None = None
    sort: Sort = Sort.ID

    def digest(self) -> str:
        """Return a short word that other searches do not have."""
        return blake2b(json.dumps(asdict(self)).encode(), digest_size=6).hexdigest()

    def statement(self, after: str | None, limit: int) -> Select[tuple[int, str, str, str, int]]:
        """Return what selects a page, and one product more where there is one. Raises BadCursor."""
        columns = PRODUCTS.c
        query = select(columns.id, columns.name, columns.category, columns.material, columns.price_cents)
        query = query.where(*self._filters())
        if after is not None:
            query = query.where(self._beyond(*self._cursors().read(after)))
        return query.order_by(*self._order()).limit(limit + 1)

    def next_cursor(self, rows: Sequence[Row[Any]], limit: int) -> str | None:
        """Return where the next page begins, given the rows of `statement`; None when these are the last."""
        return self._cursors().page(rows, limit, lambda row: (self._first(row), row.id))

    def _first(self, row: Row[Any]) -> int | str:
        """Return what a product is ordered by before its number."""
        if self.sort is Sort.NAME:
            return str(row.name)
        return int(row.id if self.sort is Sort.ID else row.price_cents)

    def _cursors(self) -> Cursors:
        first = str if self.sort is Sort.NAME else int
        return Cursors(f"products {self.digest()}", first, int, largest=LARGEST_ID)

    def _filters(self) -> list[ColumnElement[bool]]:
        columns = PRODUCTS.c
        filters = [func.lower(columns.name).contains(word, autoescape=True) for word in self.q.lower().split()]
        filters += [columns[name] == value for name in ("category", "material") if (value := getattr(self, name))]
        if self.min_price_cents is not None:
            filters.append(columns.price_cents >= self.min_price_cents)
        if self.max_price_cents is not None:
            filters.append(columns.price_cents <= self.max_price_cents)
        return filters

    def _order(self) -> tuple[ColumnElement[object], ...]:
        columns = PRODUCTS.c
        match self.sort:
            case Sort.ID:
                return (columns.id,)
            case Sort.NAME:
                return (columns.name, columns.id)
            case Sort.PRICE:
                return (columns.price_cents, columns.id)
            case Sort.PRICE_DESCENDING:
                return (columns.price_cents.desc(), columns.id)

    def _beyond(self, value: str | int, id_: int) -> ColumnElement[bool]:
        columns = PRODUCTS.c
        if self.sort is Sort.ID:
            return columns.id > id_
        if self.sort is Sort.PRICE_DESCENDING:
            return or_(columns.price_cents < value, and_(columns.price_cents == value, columns.id > id_))
        column: ColumnElement[str | int] = columns.name if self.sort is Sort.NAME else columns.price_cents
        return or_(column > value, and_(column == value, columns.id > id_))
