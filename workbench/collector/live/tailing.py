"""Whole lines that are appended to a file by another process, so much at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOST_AT_ONCE = 256 * 1024
"""Bytes of one look: some 5 ms of work. What is more waits for the next one."""

_LONGEST_LINE = 1024 * 1024


class Tail:
    """One file, from its beginning on: the first of `paths` that exists. It may be moved while it is read."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._file: int | None = None
        self._torn = b""
        self.behind = False
        """There was more than could be taken at once."""

    def lines(self) -> list[bytes]:
        """Return the lines that have come since the last time, without their ends."""
        if self._file is None:
            self._file = self._opened()
        if self._file is None:
            return []
        try:
            content = os.read(self._file, MOST_AT_ONCE)
        except OSError:
            return []
        self.behind = len(content) == MOST_AT_ONCE
        if not content:
            return []
        *lines, self._torn = (self._torn + content).split(b"\n")
        if len(self._torn) > _LONGEST_LINE:
            self._torn = b""  # no producer of ours writes such a line
        return lines

    def _opened(self) -> int | None:
        for path in self._paths:
            with suppress(OSError):
                return os.open(path, os.O_RDONLY)
        return None

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
