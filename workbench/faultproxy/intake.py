"""How much waits in a pipe, and who is kept from sending more meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workbench.faultproxy.small_reads import read_in_small_pieces

LIMIT_FOR_LARGE_PIECES = 4 * 1024
LIMIT_FOR_SMALL_PIECES = 128 * 1024
"""A source reads large pieces until there is a stage or a pace, because of which several may have to wait."""


class Intake:
    """Pauses its source while too much waits, or while nothing can leave."""

    __slots__ = ("_blocked", "_full", "_held_back", "_limit", "_on_full", "_queued", "_reads_small", "_source")

    def __init__(self, on_full: Callable[[bool], None] | None) -> None:
        self._on_full = on_full
        self._source: asyncio.ReadTransport | None = None
        self._queued = 0
        self._blocked = False
        self._full = False
        self._held_back = False
        self._limit = LIMIT_FOR_LARGE_PIECES
        self._reads_small = False

    def feed_from(self, source: asyncio.ReadTransport) -> None:
        """Say who is to be paused while too much waits here."""
        self._source = source
        if self._full:
            source.pause_reading()

    def block(self) -> None:
        """The transport cannot take more."""
        self._blocked = True
        self._watch_source()

    def unblock(self) -> None:
        """The transport can take more again."""
        self._blocked = False
        self._watch_source()

    @property
    def full(self) -> bool:
        return self._full

    def hold_back(self, *, on: bool) -> None:
        """Pause the source, or no longer, because of what its bytes lead to elsewhere."""
        self._held_back = on
        self._watch_source()

    def _expect_many(self) -> None:
        """Several pieces may have to wait here, so all behind the first one have to be small.

        The source is told only when one waits: there can be many connections that are not used.
        """
        self._limit = LIMIT_FOR_SMALL_PIECES

    def _read_small(self) -> None:
        if self._source is not None:
            self._reads_small = True
            read_in_small_pieces(self._source)

    def _watch_source(self) -> None:
        if self._queued and self._limit == LIMIT_FOR_SMALL_PIECES and not self._reads_small:
            self._read_small()
        full = self._blocked or self._held_back or self._queued > self._limit
        if full != self._full:
            self._full = full
            if self._on_full is not None:
                self._on_full(full)
            if self._source is not None:
                if full:
                    self._source.pause_reading()
                else:
                    self._source.resume_reading()
