"""Read the head of an HTTP/1 message: what it is, and how long its body will be.

Strict on purpose. A head that two readers could understand differently (two lengths, a length beside chunks,
folded lines, foreign versions) is not HTTP here: the connection then passes as bytes, and nothing is
attributed to a request that the callee may see differently.

Heads of the usual form are read by two regular expressions, everything else by httptools: every request pays
for this, and a parser that calls back for each header costs three times as much. Tests hold both to the same answers.
What is like an earlier head need not be read at all: see `repeated_heads`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import httptools

from workbench.model.names import CANARY_HEADER

HEAD_LIMIT = 32 * 1024
"""Longest head in bytes that is read as HTTP."""

HEAD_END = b"\r\n\r\n"
CHUNKED = -1
UNTIL_CLOSE = -2

_PATH_KEPT = 1024
_BODILESS = frozenset({204, 304})

_HEADERS = r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)*+\r\n"
USUAL_LINE = r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!->@-~]*+)(?:\?[!-~]*+)? HTTP/1\.1"
"""A request line, without its end: method, path."""
_USUAL_REQUEST = re.compile(USUAL_LINE + r"\r\n" + _HEADERS)
_USUAL_ANSWER = re.compile(r"HTTP/1\.1 ([1-9][0-9]{2})(?: [\t -~\x80-\xff]*+)?\r\n" + _HEADERS)
_TRACE = r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"
_TRACEPARENT = re.compile(_TRACE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_REQUEST_NAMES = ("content-length", "transfer-encoding", "connection", "upgrade", "expect", CANARY_HEADER)
_ANSWER_NAMES = ("content-length", "transfer-encoding")
_REQUEST_HEADER = re.compile(
    rf"\n(?:traceparent:(?:[\t ]*{_TRACE}[\t ]*\r)?|({'|'.join(_REQUEST_NAMES)}):[\t ]*([^\r]*))"
)
_ANSWER_HEADER = re.compile(rf"\n({'|'.join(_ANSWER_NAMES)}):[\t ]*([^\r]*)")

_Kept = dict[str, str]
"""Headers that matter here: lower-case names, lower-case values; several of a name are joined by commas."""


@dataclass(slots=True)
class RequestHead:
    """A request without its body; never changed. `length` is in bytes, or CHUNKED."""

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


@dataclass(slots=True)
class AnswerHead:
    """An answer without its body; never changed. `length` is in bytes, CHUNKED or UNTIL_CLOSE, before HEAD counts."""

    raw: bytes
    status: int
    length: int


NO_REQUEST = RequestHead(b"", "", "", 0, None, None, None, closes=False, expects_continue=False, upgrades=False)
NO_ANSWER = AnswerHead(b"", 0, 0)


class _Reader:
    """Receives httptools' callbacks; keeps the headers that matter."""

    __slots__ = ("_names", "complete", "kept", "target")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = names
        self.kept: _Kept = {}
        self.target = b""
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        if key in self._names:
            _keep(self.kept, key, value.decode("latin-1").lower())

    def on_headers_complete(self) -> None:
        self.complete = True


class _Everything:
    """Receives httptools' callbacks; keeps all headers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")


def read_request_head(raw: bytes) -> RequestHead | None:
    """Read a request's head, up to and with its blank line. None: this is not HTTP/1 that has one meaning."""
    if len(raw) > HEAD_LIMIT:
        return None
    text = raw.decode("latin-1")
    usual = _USUAL_REQUEST.fullmatch(text)
    if usual is None:
        return read_unusual_request_head(raw)
    method, path = usual.groups()
    found = _REQUEST_HEADER.findall(text.lower())
    if len(found) == 1 and found[0][0]:
        # Most requests: a trace context, and nothing else that matters.
        trace_id, span_id = found[0][:2]
        return RequestHead(raw, method, path[:_PATH_KEPT], 0, trace_id, span_id, None, False, False, False)
    kept: _Kept = {}
    traces = []
    for trace_id, span_id, name, value in found:
        if name:
            _keep(kept, name, value)
        else:
            traces.append((trace_id, span_id))
    trace = traces[0] if len(traces) == 1 and traces[0][0] else None
    return _judge(raw, method, path, "1.1", kept=kept, trace=trace)


def read_unusual_request_head(raw: bytes) -> RequestHead | None:
    """Do the same for a head of any form."""
    reader = _Reader((*_REQUEST_NAMES, "traceparent"))
    parser = httptools.HttpRequestParser(reader)
    if not _feed(parser, raw) or not reader.complete or not _is_http1(raw):
        return None
    path = reader.target.decode("latin-1").partition("?")[0]
    if "://" in path and not path.startswith("/"):
        path = urlsplit(path).path or "/"
    trace = _TRACEPARENT.fullmatch(reader.kept.pop("traceparent", "").strip())
    method, version = parser.get_method().decode("ascii"), parser.get_http_version()
    return _judge(raw, method, path, version, kept=reader.kept, trace=(trace[1], trace[2]) if trace else None)


def _judge(
    raw: bytes, method: str, path: str, version: str, *, kept: _Kept, trace: tuple[str, str] | None
) -> RequestHead | None:
    length = _length(kept, version, otherwise=0)
    if length is None:
        return None
    connection = _tokens(kept["connection"]) if "connection" in kept else ()
    return RequestHead(
        raw=raw,
        method=method,
        path=path[:_PATH_KEPT],
        length=length,
        trace_id=trace[0] if trace else None,
        parent_span_id=trace[1] if trace else None,
        canary=read_all_headers(raw)[CANARY_HEADER] if CANARY_HEADER in kept else None,
        closes="close" in connection or (version == "1.0" and "keep-alive" not in connection),
        expects_continue="expect" in kept and kept["expect"].strip() == "100-continue",
        upgrades=method == "CONNECT" or ("upgrade" in kept and "upgrade" in connection),
    )


def read_answer_head(raw: bytes) -> AnswerHead | None:
    """Read an answer's head, up to and with its blank line. None: this is not HTTP/1 that has one meaning."""
    if len(raw) > HEAD_LIMIT:
        return None
    text = raw.decode("latin-1")
    usual = _USUAL_ANSWER.fullmatch(text)
    if usual is None:
        return read_unusual_answer_head(raw)
    kept: _Kept = {}
    for name, value in _ANSWER_HEADER.findall(text.lower()):
        _keep(kept, name, value)
    return _answer(raw, int(usual[1]), "1.1", kept)


def read_unusual_answer_head(raw: bytes) -> AnswerHead | None:
    """Do the same for a head of any form."""
    reader = _Reader(_ANSWER_NAMES)
    parser = httptools.HttpResponseParser(reader)
    if not _feed(parser, raw) or not reader.complete or not raw.startswith(b"HTTP/1."):
        return None
    return _answer(raw, parser.get_status_code(), parser.get_http_version(), reader.kept)


def _answer(raw: bytes, status: int, version: str, kept: _Kept) -> AnswerHead | None:
    length = _length(kept, version, otherwise=UNTIL_CLOSE)
    return None if length is None else AnswerHead(raw, status, 0 if status in _BODILESS else length)


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
        reader = _Reader(())
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


def _keep(kept: _Kept, name: str, value: str) -> None:
    kept[name] = f"{kept[name]},{value}" if name in kept else value


def _length(kept: _Kept, version: str, *, otherwise: int) -> int | None:
    """Return the body's length. None: it has no one meaning."""
    if "transfer-encoding" in kept:
        codings = _tokens(kept["transfer-encoding"])
        sane = version == "1.1" and codings[-1] == "chunked" and codings.count("chunked") == 1
        return CHUNKED if sane and "content-length" not in kept else None
    if "content-length" in kept:
        length = kept["content-length"].strip(" \t")
        return int(length) if _LENGTH.fullmatch(length) else None
    return otherwise


def _tokens(value: str) -> list[str]:
    return [token.strip() for token in value.split(",")]
