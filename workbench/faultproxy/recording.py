"""Keep what the plane saw: attempt rows, flushed every second, for as long as a recording is on.

A full disk never reaches the traffic: rows are then dropped and counted, and the error is kept for whoever asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path

from workbench.faultproxy.wire import RecordingEnd, RecordingOrder, RecordingState
from workbench.model.events import Clock
from workbench.model.tables import ATTEMPTS
from workbench.rows import RowWriter

FLUSH_S = 1.0


def read_clocks() -> Clock:
    """Read both clocks at one moment."""
    return Clock(monotonic_ns=time.monotonic_ns(), wall_ns=time.time_ns())


class _LineWriter(RowWriter):
    """A row writer that also takes rows that are CSV already."""

    def append_line(self, line: str) -> None:
        """Add one row, as it will be in the file."""
        self._buffer.write(line)
        self._waiting += 1


class Recording:
    """One run's attempts. Raises OSError when its file cannot be opened."""

    def __init__(self, order: RecordingOrder, loop: asyncio.AbstractEventLoop) -> None:
        self.run_id = order.run_id
        self._canary = order.canary.encode()
        self._writer = _LineWriter(Path(order.directory), ATTEMPTS)
        self.append_line: Callable[[str], None] = self._writer.append_line
        """Add one row of `attempts`: a whole CSV line, in the order of the table's columns."""
        self._loop = loop
        self._timer = loop.call_later(FLUSH_S, self._flush)

    def is_canary(self, token: str) -> bool:
        """Tell whether a request with this token is the workbench's own."""
        return compare_digest(token.encode("latin-1"), self._canary)

    def state(self) -> RecordingState:
        """Say what is in the file so far."""
        return RecordingState(active=True, rows=self._rows(), dropped=self._dropped(), error=self._writer.error)

    def close(self) -> RecordingEnd:
        """Write what is left, make it durable, and say what was kept."""
        self._timer.cancel()
        self._writer.close()
        return RecordingEnd(clock=read_clocks(), rows=self._rows(), dropped=self._dropped(), error=self._writer.error)

    def _rows(self) -> dict[str, int]:
        return {ATTEMPTS.name: self._writer.rows}

    def _dropped(self) -> dict[str, int]:
        return {ATTEMPTS.name: self._writer.dropped}

    def _flush(self) -> None:
        self._writer.flush()
        self._timer = self._loop.call_later(FLUSH_S, self._flush)


class Evidence:
    """Where attempts go: the recording that is on, or nowhere. Shared by all edges."""

    __slots__ = ("recording",)

    def __init__(self) -> None:
        self.recording: Recording | None = None
