"""Give an answer another body: keep it until it is whole, decode it, let faults change it, and frame it anew.

What cannot be decoded here passes as it is: a body of more than 256 KiB, a coding other than gzip and deflate,
a head that could be read in two ways.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.faultproxy.bodies import FramingError
from workbench.faultproxy.heads import CHUNKED, AnswerHead, RequestHead
from workbench.model.faults.actions import Alter, Copy

if TYPE_CHECKING:
    from workbench.faultproxy.active_fault import RequestInfluence

LIMIT = 256 * 1024
"""Longest body in bytes that is altered, as it comes and decoded."""

_FRAMING = frozenset({"content-length", "transfer-encoding", "content-encoding", "trailer"})
_ANY_ZLIB = 47
"""Finds out whether it is gzip or zlib."""
_RAW_DEFLATE = -15

Alterations = Sequence[tuple["RequestInfluence", Alter]]


class KeptAnswer:
    """An answer that is coming: its head, and its body so far."""

    __slots__ = ("_head", "_request", "data")

    def __init__(self, request: RequestHead, head: AnswerHead) -> None:
        self._request = request
        self._head = head
        self.data = b""
        """Everything that came, as it came."""

    def add(self, data: bytes) -> bool:
        """Keep a piece; return whether it may still be altered."""
        self.data += data
        return len(self.data) <= len(self._head.raw) + LIMIT

    def altered(self, alterations: Alterations) -> bytes | None:
        """Return the whole answer as the faults want it, head and body. None: it passes as it is."""
        fields = _fields(self._head.raw)
        if fields is None:
            return None
        body = _decoded(self.data[len(self._head.raw) :], self._head.length, _value(fields, "content-encoding"))
        if body is None:
            return None
        status, target = self._head.status, self._request.raw.split(b" ", 2)[1].decode("latin-1")
        content_type = _value(fields, "content-type")
        was_changed = False
        for fault, alter in alterations:
            fresh = alter.change(Copy(status, target, content_type, body), fault.memory)
            if fresh is not None:
                body, was_changed = fresh, True
        return _framed(self._head.raw, fields, body) if was_changed else None


def _fields(raw: bytes) -> list[tuple[str, bytes]] | None:
    """Return the lines of a head behind its first one, with their names. None: they are not one field a line."""
    lines = raw[:-4].split(b"\r\n")[1:]
    if any(b"\n" in line or b"\r" in line or b":" not in line or line[:1] in b" \t" for line in lines):
        return None
    return [(line.partition(b":")[0].decode("latin-1").strip().lower(), line) for line in lines]


def _value(fields: list[tuple[str, bytes]], name: str) -> str:
    return ",".join(line.partition(b":")[2].decode("latin-1").strip() for key, line in fields if key == name)


def _framed(raw: bytes, fields: list[tuple[str, bytes]], body: bytes) -> bytes:
    lines = [raw.partition(b"\r\n")[0], *(line for name, line in fields if name not in _FRAMING)]
    return b"\r\n".join(lines) + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _decoded(body: bytes, length: int, coding: str) -> bytes | None:
    """Return a whole body without framing and coding; None if that cannot be done."""
    if length == CHUNKED:
        body = unchunked(body)
    coding = coding.lower()
    if coding in ("", "identity"):
        return body
    if coding in ("gzip", "x-gzip", "deflate"):
        for wbits in (_ANY_ZLIB, _RAW_DEFLATE):
            plain = _inflated(body, wbits)
            if plain is not None:
                return plain
    return None


def _inflated(body: bytes, wbits: int) -> bytes | None:
    stream = zlib.decompressobj(wbits)
    try:
        plain = stream.decompress(body, LIMIT + 1)
    except zlib.error:
        return None
    return plain if stream.eof and not stream.unused_data and len(plain) <= LIMIT else None


def unchunked(body: bytes) -> bytes:
    """Return the content of a chunked body that was measured to its end. Raises FramingError if it was not."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            raise FramingError
        size = int(body[at:end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + size + 4
