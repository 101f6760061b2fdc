"""One run's rows of all four tables, and the numbers of its series. A full disk is counted, and never raised."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from workbench.collector.live.breakers_seen import BreakersSeen
from workbench.model.events import Clock
from workbench.model.recording import RecordingEnd, RecordingState
from workbench.model.tables import METRIC_POINTS, PROCESSES, SERIES, SPANS
from workbench.rows import RowWriter, one_line

RECORDED = (SPANS, SERIES, METRIC_POINTS, PROCESSES)


def read_clocks() -> Clock:
    """Read both clocks at one moment."""
    return Clock(monotonic_ns=time.monotonic_ns(), wall_ns=time.time_ns())


class Recording:
    """Rows of one run. Raises OSError when a file cannot be opened."""

    def __init__(self, directory: Path) -> None:
        with ExitStack() as opened:
            self._writers = []
            for table in RECORDED:
                writer = RowWriter(directory, table)
                opened.callback(writer.close)
                self._writers.append(writer)
            opened.pop_all()
        self._spans, self._series, self._points, self._processes = self._writers
        self._numbers: dict[tuple[str, str, str], int] = {}

    def series(self, service: str, name: str, labels: dict[str, str]) -> int:
        """Return the number of a series; the first time it is asked for, it gets its row."""
        text = one_line(json.dumps(labels, sort_keys=True, ensure_ascii=False))
        key = service, name, text
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._series.append((number, service, name, text))
        return number

    def points(self, at_ns: int, points: Iterable[tuple[int, float]]) -> None:
        """Add the samples of one scrape."""
        append = self._points.append
        for number, value in points:
            append((at_ns, number, value))

    def span(self, row: tuple[Any, ...]) -> None:
        """Add one row of `spans`."""
        self._spans.append(row)

    def processes(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows of `processes`."""
        for row in rows:
            self._processes.append(row)

    def flush(self) -> None:
        """Write what is buffered."""
        for writer in self._writers:
            writer.flush()

    def state(self) -> RecordingState:
        """Say what is in the files by now."""
        self.flush()
        return RecordingState(active=True, rows=self._rows(), dropped=self.dropped(), error=self._error())

    def close(self) -> RecordingEnd:
        """Write what is left, make it durable, and say what was kept."""
        for writer in self._writers:
            writer.close()
        return RecordingEnd(clock=read_clocks(), rows=self._rows(), dropped=self.dropped(), error=self._error())

    def _rows(self) -> dict[str, int]:
        return {writer.table.name: writer.rows for writer in self._writers}

    def dropped(self) -> dict[str, int]:
        """Return how many rows could not be kept, by table."""
        return {writer.table.name: writer.dropped for writer in self._writers}

    def _error(self) -> str | None:
        return next((writer.error for writer in self._writers if writer.error is not None), None)


class Keeping:
    """Where it goes: the recording that is on, or nowhere; breakers also to the page. Shared by all that measure."""

    __slots__ = ("breakers", "recording")

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.breakers = BreakersSeen()
