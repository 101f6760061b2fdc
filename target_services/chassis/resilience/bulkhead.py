"""A bulkhead: at most so many attempts at once on one edge, so that a slow callee cannot use up all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class BulkheadFull(Exception):
    """No slot is free. Nobody waits for one: a queue here would only hide the overload."""


class Bulkhead:
    """Counts attempts in flight and refuses those beyond `limit` at once."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("limit must be at least 1")
        self.limit = limit
        self.in_use = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot. Raises BulkheadFull when there is none."""
        if self.in_use >= self.limit:
            raise BulkheadFull
        self.in_use += 1
        try:
            yield
        finally:
            self.in_use -= 1
