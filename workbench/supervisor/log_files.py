"""The log files of processes: made for their owner only, and read from their end."""

from __future__ import annotations

import os
from pathlib import Path

_LONG_LINE = 600
_LOG_TAIL = 15


def log_tail(path: str, lines: int = _LOG_TAIL) -> list[str]:
    """Return the last lines of a log; of a very long one, such as a stack trace in JSON, its beginning and its end."""
    try:
        with Path(path).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 16_384))
            last = log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError as error:
        return [f"(no log: {error.strerror})"]
    return [line if len(line) <= _LONG_LINE else f"{line[:100]} ... {line[100 - _LONG_LINE :]}" for line in last]


def indented_tail(path: str) -> str:
    """Return the last lines of a log as they stand in a message."""
    return "\n".join(f"    {line}" for line in log_tail(path))


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read; an opener for `open`."""
    return os.open(path, flags, 0o600)
