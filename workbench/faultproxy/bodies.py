"""Find where the body of an HTTP/1 message ends, without keeping any of it.

The parser library does not tell at which byte of a piece a message ended, and the plane has to cut exactly
there, so bodies are measured here. As strict as `heads`: a chunk size that two readers could understand
differently is a `FramingError`.
"""

from __future__ import annotations

import re
from typing import Protocol

from workbench.faultproxy.heads import CHUNKED, UNTIL_CLOSE

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n\0]*)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n")
_LINE_LIMIT = 4096


class FramingError(Exception):
    """The body's framing has no one meaning."""


class Body(Protocol):
    """What is still missing of a message."""

    done: bool

    def take(self, data: bytes, at: int) -> int:
        """Return the index behind the last byte of `data` from `at` on that belongs to the body."""


def body_of(length: int) -> Body | None:
    """Return what to expect for a length from a head; None if nothing is to come."""
    if length == 0:
        return None
    if length == CHUNKED:
        return Chunked()
    return UntilClose() if length == UNTIL_CLOSE else Sized(length)


class Sized:
    """A body whose length was announced."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = False

    def take(self, data: bytes, at: int) -> int:
        here = len(data) - at
        if here < self._left:
            self._left -= here
            return len(data)
        end = at + self._left
        self._left = 0
        self.done = True
        return end


class UntilClose:
    """An answer that ends with its connection."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def take(self, data: bytes, at: int) -> int:  # noqa: ARG002 - everything belongs to it
        return len(data)


class Chunked:
    """A chunked body. A line that is cut by the end of a piece is kept until it is whole."""

    __slots__ = ("_data_left", "_in_trailer", "_line", "done")

    def __init__(self) -> None:
        self._data_left = 0
        self._line = b""
        self._in_trailer = False
        self.done = False

    def take(self, data: bytes, at: int) -> int:
        size = len(data)
        while at < size and not self.done:
            at = self._skip_data(data, at) if self._data_left else self._read_line(data, at)
        return at

    def _skip_data(self, data: bytes, at: int) -> int:
        """Skip a chunk's bytes and the line break behind them, which is the last two of `_data_left`."""
        while self._data_left and at < len(data):
            if self._data_left > 2:
                step = min(self._data_left - 2, len(data) - at)
            else:
                step = 1
                if data[at] != b"\r\n"[2 - self._data_left]:
                    raise FramingError
            self._data_left -= step
            at += step
        return at

    def _read_line(self, data: bytes, at: int) -> int:
        newline = data.find(b"\n", at)
        end = len(data) if newline < 0 else newline + 1
        line = self._line + data[at:end]
        if len(line) > _LINE_LIMIT:
            raise FramingError
        if newline < 0:
            self._line = line
            return end
        self._line = b""
        if self._in_trailer:
            self._take_trailer(line)
        else:
            self._take_size(line)
        return end

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise FramingError
        length = int(match[1], 16)
        if length:
            self._data_left = length + 2
        else:
            self._in_trailer = True

    def _take_trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
        elif _TRAILER_LINE.fullmatch(line) is None:
            raise FramingError
