"""Read the head of an HTTP/1 message: what it is, and how long its body will be.

Strict on purpose. A head that two readers could understand differently (two lengths, a length beside chunks,
folded lines, foreign versions) is not HTTP here: the connection then passes as bytes, and nothing is
attributed to a request that the callee may see differently. Heads are pure functions of their bytes, so
repeated ones are read once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from workbench.model.names import CANARY_HEADER

HEAD_LIMIT = 32 * 1024
"""Longest head in bytes that is read as HTTP."""

HEAD_END = b"\r\n\r\n"
CHUNKED = -1
UNTIL_CLOSE = -2

_PATH_KEPT = 1024
_CANARY = CANARY_HEADER.encode()
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_REQUEST_HEADERS = _FRAMING | {b"traceparent", b"connection", b"upgrade", b"expect", _CANARY}
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class RequestHead(NamedTuple):
    """A request without its body. `length` is in bytes, or CHUNKED."""

    raw: bytes
    method: str
    path: str
    length: int
    trace_id: str | None
    parent_span_id: str | None
    canary: str | None
    closes: bool
    """No further request comes on this connection."""
    expects_continue: bool
    upgrades: bool


class AnswerHead(NamedTuple):
    """An answer without its body. `length` is in bytes, CHUNKED or UNTIL_CLOSE, before the request has its say."""

    status: int
    length: int


class _Reader:
    """Receives httptools' callbacks; keeps the headers it was asked to keep."""

    __slots__ = ("_kept_names", "ambiguous", "complete", "kept", "target")

    def __init__(self, kept_names: frozenset[bytes]) -> None:
        self._kept_names = kept_names
        self.kept: dict[bytes, bytes] = {}
        self.target = b""
        self.complete = False
        self.ambiguous = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self._kept_names:
            if name in _FRAMING and name in self.kept:
                self.ambiguous = True
            self.kept[name] = value.strip()

    def on_headers_complete(self) -> None:
        self.complete = True


class _Everything:
    """Receives httptools' callbacks; keeps all headers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")


@lru_cache(maxsize=128)
def read_request_head(raw: bytes) -> RequestHead | None:
    """Read a request's head, up to and with its blank line. None: this is not HTTP/1 that has one meaning."""
    reader = _Reader(_REQUEST_HEADERS)
    parser = httptools.HttpRequestParser(reader)
    if not _feed(parser, raw) or not reader.complete or not _is_http1(raw):
        return None
    version = parser.get_http_version()
    kept = reader.kept
    length = _length(reader, version, otherwise=0)
    if length is None:
        return None
    method = parser.get_method().decode("ascii")
    trace = _TRACEPARENT.fullmatch(kept[b"traceparent"]) if b"traceparent" in kept else None
    canary = kept.get(_CANARY)
    connection = _tokens(kept[b"connection"]) if b"connection" in kept else ()
    return RequestHead(
        raw,
        method,
        _path(reader.target),
        length,
        trace[1].decode() if trace else None,
        trace[2].decode() if trace else None,
        None if canary is None else canary.decode("latin-1"),
        closes=b"close" in connection or (version == "1.0" and b"keep-alive" not in connection),
        expects_continue=b"expect" in kept and kept[b"expect"].lower() == b"100-continue",
        upgrades=method == "CONNECT" or (b"upgrade" in kept and b"upgrade" in connection),
    )


@lru_cache(maxsize=128)
def read_answer_head(raw: bytes) -> AnswerHead | None:
    """Read an answer's head, up to and with its blank line. None: this is not HTTP/1 that has one meaning."""
    reader = _Reader(_FRAMING)
    parser = httptools.HttpResponseParser(reader)
    if not _feed(parser, raw) or not reader.complete or not raw.startswith(b"HTTP/1."):
        return None
    length = _length(reader, parser.get_http_version(), otherwise=UNTIL_CLOSE)
    return None if length is None else AnswerHead(parser.get_status_code(), length)


@lru_cache(maxsize=32)
def read_all_headers(raw: bytes) -> dict[str, str]:
    """Return every header of a request's head that was read before; names are lower case, the last one wins."""
    everything = _Everything()
    _feed(httptools.HttpRequestParser(everything), raw)
    return everything.headers


class Probe:
    """Tells of a head that arrives in pieces whether it can still become HTTP/1."""

    __slots__ = ("_line", "_parser", "_request", "_seen")

    def __init__(self, *, request: bool) -> None:
        reader = _Reader(frozenset())
        self._parser = httptools.HttpRequestParser(reader) if request else httptools.HttpResponseParser(reader)
        self._request = request
        self._line: bytes | None = b""
        self._seen = 0

    def is_plausible(self, more: bytes) -> bool:
        """Take the next piece. False: what has come so far is not the beginning of a head."""
        self._seen += len(more)
        if self._seen > HEAD_LIMIT or not _feed(self._parser, more):
            return False
        if self._line is not None:
            self._line = (self._line + more).lstrip(b"\r\n")
            if b"\n" in self._line:
                plausible = _is_http1(self._line) if self._request else self._line.startswith(b"HTTP/1.")
                self._line = None
                return plausible
        return True


def _feed(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, raw: bytes) -> bool:
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        return True
    except httptools.HttpParserError:
        return False
    return True


def _is_http1(raw: bytes) -> bool:
    """Tell whether the first line says HTTP/1; the parser also takes RTSP, ICE, HTTP/0.9 and HTTP/2.0."""
    return raw.find(b" HTTP/1.", 0, raw.find(b"\n")) > 0


def _length(reader: _Reader, version: str, *, otherwise: int) -> int | None:
    """Return the body's length. None: it has no one meaning."""
    kept = reader.kept
    if b"transfer-encoding" in kept:
        codings = _tokens(kept[b"transfer-encoding"])
        sane = version == "1.1" and codings[-1] == b"chunked" and codings.count(b"chunked") == 1
        return CHUNKED if sane and b"content-length" not in kept and not reader.ambiguous else None
    if b"content-length" in kept:
        length = kept[b"content-length"]
        return int(length) if length.isdigit() and not reader.ambiguous else None
    return otherwise


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip() for token in value.lower().split(b",")]


def _path(target: bytes) -> str:
    path = target.partition(b"?")[0].decode("latin-1")
    if not path.startswith("/") and "://" in path:
        path = urlsplit(path).path or "/"
    return path[:_PATH_KEPT]
