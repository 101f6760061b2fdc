"""Append rows to a raw table file so that whatever happens at most the last line is lost.

Used by every producer: load child, fault plane, collector. A write error (a full disk) never raises into the
producer's hot path: rows are dropped, counted, and the first error is kept for whoever asks.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from workbench.model.tables import Table

_LINE_BREAKS = str.maketrans({"\n": " ", "\r": " ", "\0": " "})


def one_line(text: str) -> str:
    """Return text without line breaks, so that a row is always one line."""
    return text.translate(_LINE_BREAKS)


class RowWriter:
    """Buffers rows of one table; `flush` appends them to its file. None becomes an empty field, which is unknown.

    Text columns that may hold line breaks must be passed through `one_line` by the caller.
    """

    def __init__(self, directory: Path, table: Table) -> None:
        self.table = table
        self.rows = 0
        """Rows that are in the file."""
        self.dropped = 0
        self.error: str | None = None
        self._waiting = 0
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator="\n")
        self._file: BinaryIO = (directory / f"{table.name}.csv").open("ab", buffering=0)

    def append(self, row: Iterable[Any]) -> None:
        """Add one row, in the order of the table's columns. Costs no system call."""
        self._writer.writerow(row)
        self._waiting += 1

    def flush(self) -> None:
        """Write buffered rows. On an error they are dropped and counted, and `error` says why."""
        if not self._waiting:
            return
        content = self._buffer.getvalue().encode()
        count, self._waiting = self._waiting, 0
        self._buffer.seek(0)
        self._buffer.truncate()
        if self.error is not None:
            self.dropped += count
            return
        try:
            written = 0
            while written < len(content):
                written += self._file.write(content[written:]) or 0
        except OSError as error:
            self.error = f"{self.table.name}: {error.strerror}"
            self.dropped += count
        else:
            self.rows += count

    def close(self) -> None:
        """Flush, make durable, and close the file."""
        self.flush()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self.error = self.error or f"{self.table.name}: {error.strerror}"
        self._file.close()
