"""Opaque cursors: where a list goes on, as one word that only the list that gave it out can read.

A page is asked for by the last row of the one before it, never by a number of rows to skip: rows that come and go
meanwhile make no other row appear twice or not at all.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import Field

from target_services.chassis.problems import Problem

LONGEST = 200
"""So many characters a cursor has at most."""

Cursor = Annotated[
    str | None, Query(max_length=LONGEST, description="the `next_cursor` of the page before", examples=[None])
]
Limit = Annotated[int, Query(ge=1, le=100, description="most items of a page", examples=[20])]
NextCursor = Annotated[str | None, Field(description="where the next page begins; null on the last one")]

_LARGEST = 2**63 - 1
"""What every database can take for a big integer."""

Row = TypeVar("Row")


class BadCursor(Problem):
    """The cursor is none that this list gave out."""

    def __init__(self) -> None:
        super().__init__(400, "the cursor is not one of ours", slug="bad-cursor")


class Cursors:
    """The cursors of one list."""

    def __init__(self, of: str, *kinds: type[int | str], largest: int = _LARGEST) -> None:
        """`of` names the list; `kinds` are the types of what its rows are ordered by: int, from 0 to `largest`, or str.

        Where a column is no big integer, PostgreSQL refuses to compare it with one.
        """
        self._of = of
        self._kinds = kinds
        self._largest = largest

    def after(self, *values: int | str) -> str:
        """Return the cursor of what comes after the row with these values."""
        text = json.dumps([self._of, *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, cursor: str) -> tuple[Any, ...]:
        """Return the values that a cursor stands for. Raises BadCursor."""
        try:
            parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        except (ValueError, RecursionError):
            raise BadCursor from None
        if not isinstance(parts, list) or len(parts) != len(self._kinds) + 1 or parts[0] != self._of:
            raise BadCursor
        values = tuple(parts[1:])
        if not all(map(self._fits, values, self._kinds)):
            raise BadCursor
        return values

    def page(self, rows: Sequence[Row], most: int, key: Callable[[Row], tuple[int | str, ...]]) -> str | None:
        """Return the cursor of the next page, given up to `most` + 1 rows; None when these are the last."""
        return self.after(*key(rows[most - 1])) if len(rows) > most else None

    def _fits(self, value: object, kind: type[int | str]) -> bool:
        if kind is int:
            return type(value) is int and 0 <= value <= self._largest
        return isinstance(value, str) and value.isascii() and value.isprintable()
