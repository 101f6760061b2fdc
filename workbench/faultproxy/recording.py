"""Keep what the plane saw: attempt rows, flushed every second, for as long as a recording is on.

A full disk never reaches the traffic: rows are then dropped and counted, and the error is kept for whoever asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from hmac import compare_digest
from pathlib import Path

from workbench.faultproxy.active_fault import ActiveFault
from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.events import Clock
from workbench.model.recording import RecordingEnd, RecordingState
from workbench.model.tables import ATTEMPTS
from workbench.rows import RowWriter

FLUSH_S = 1.0

RETIRED_KEPT = 1_000
"""Faults that are off, in `GET /metrics`."""

_BATCH = 256
"""Rows are made and written so many at a time: one by one they would cost twice as much, and a whole second's
rows at once would hold the traffic up by 10 ms and more."""


def read_clocks() -> Clock:
    """Read both clocks at one moment."""
    return Clock(monotonic_ns=time.monotonic_ns(), wall_ns=time.time_ns())


class _LineWriter(RowWriter):
    """A row writer that also takes rows that are CSV already."""

    def append_lines(self, lines: list[str]) -> None:
        """Add rows, as they will be in the file."""
        self._buffer.write("".join(lines))
        self._waiting += len(lines)


class Recording:
    """One run's attempts. Raises OSError when its file cannot be opened."""

    def __init__(self, order: MarkedRecordingOrder, loop: asyncio.AbstractEventLoop) -> None:
        self.run_id = order.run_id
        self._canary = order.canary.encode()
        self._writer = _LineWriter(Path(order.directory), ATTEMPTS)
        self._ended: list[Attempt] = []
        self._loop = loop
        self._timer = loop.call_later(FLUSH_S, self._flush)

    def keep(self, attempt: Attempt) -> None:
        """Take an attempt that has ended."""
        ended = self._ended
        ended.append(attempt)
        if len(ended) >= _BATCH:
            self._write_rows()

    def is_canary(self, token: str) -> bool:
        """Tell whether a request with this token is the workbench's own."""
        return compare_digest(token.encode("latin-1"), self._canary)

    def state(self) -> RecordingState:
        """Say what is in the file so far."""
        return RecordingState(active=True, rows=self._rows(), dropped=self._dropped(), error=self._writer.error)

    def close(self) -> RecordingEnd:
        """Write what is left, make it durable, and say what was kept."""
        self._timer.cancel()
        self._write_rows()
        self._writer.close()
        return RecordingEnd(clock=read_clocks(), rows=self._rows(), dropped=self._dropped(), error=self._writer.error)

    def _rows(self) -> dict[str, int]:
        return {ATTEMPTS.name: self._writer.rows}

    def _dropped(self) -> dict[str, int]:
        return {ATTEMPTS.name: self._writer.dropped}

    def _write_rows(self) -> None:
        self._writer.append_lines([row_of(attempt) for attempt in self._ended])
        self._ended.clear()
        self._writer.flush()

    def _flush(self) -> None:
        self._write_rows()
        self._timer = self._loop.call_later(FLUSH_S, self._flush)


def row_of(attempt: Attempt) -> str:
    """Return an attempt as a CSV line, in the order of the table's columns.

    A status counts only if the caller got it. By hand, because every request pays for it and a CSV writer
    costs three times as much; the path is the only column that can need quotes.
    """
    head, decided = attempt.head, attempt.decided
    if head is None:
        method = path = trace_id = span_id = ""
    else:
        method, path = head.method, head.path
        trace_id, span_id = head.trace_id or "", head.parent_span_id or ""
        if "," in path or '"' in path:
            path = '"' + path.replace('"', '""') + '"'
    first_byte, status, ordinal, end = attempt.first_byte, attempt.status, attempt.ordinal, attempt.ended
    ended = str(end)
    decisions = "," if decided is None else f"{decided.decisions},{decided.faults}"
    if first_byte == end and status is not None:
        # An answer that passed in one piece: most do, and there is nothing to choose from.
        return (
            f"{attempt.edge},{ordinal},{decisions},{attempt.accepted},{ended},{ended},{method},{path},{status},"
            f"{attempt.reason},{attempt.delay_ns},{attempt.bytes_in},{attempt.bytes_out},{trace_id},{span_id},"
            f"{ordinal < 0}\n"
        )
    return (
        f"{attempt.edge},{ordinal},"
        f"{decisions},"
        f"{attempt.accepted},{'' if first_byte is None else first_byte},{ended},{method},{path},"
        f"{'' if first_byte is None or status is None else status},{attempt.reason},{attempt.delay_ns},"
        f"{attempt.bytes_in},{attempt.bytes_out},{trace_id},{span_id},{ordinal < 0}\n"
    )


class Evidence:
    """Where attempts go: the recording that is on, or nowhere. Shared by all edges.

    Faults that were taken off are remembered until the next recording begins, so that their last counts are
    scraped; the oldest are forgotten beyond a thousand.
    """

    __slots__ = ("_retired", "recording")

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self._retired: dict[tuple[str, str], ActiveFault] = {}

    def begin(self, recording: Recording) -> None:
        """Record from now on."""
        self.recording = recording
        self._retired.clear()

    def retire(self, fault: ActiveFault) -> None:
        """Remember a fault that was taken off."""
        key = (fault.spec.edge, fault.spec.id)
        self._retired.pop(key, None)
        self._retired[key] = fault
        if len(self._retired) > RETIRED_KEPT:
            del self._retired[next(iter(self._retired))]

    def retired(self, on: Iterable[ActiveFault]) -> list[ActiveFault]:
        """Return those that were taken off and not put `on` again."""
        back = {(fault.spec.edge, fault.spec.id) for fault in on}
        return [fault for key, fault in self._retired.items() if key not in back]
