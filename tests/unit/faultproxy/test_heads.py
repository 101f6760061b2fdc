"""Heads of HTTP messages: read alike by both readers, and not at all where two readers could differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.faultproxy.heads import (
    CHUNKED,
    HEAD_LIMIT,
    UNTIL_CLOSE,
    Probe,
    RequestHead,
    read_all_headers,
    read_answer_head,
    read_request_head,
    read_unusual_answer_head,
    read_unusual_request_head,
)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(*lines: str, start: str = "GET /v1/orders?page=2 HTTP/1.1") -> bytes:
    return ("\r\n".join((start, *lines)) + "\r\n\r\n").encode("latin-1")


def answer(*lines: str, start: str = "HTTP/1.1 200 OK") -> bytes:
    return request(*lines, start=start)


def read(raw: bytes) -> RequestHead:
    head = read_request_head(raw)
    assert head is not None
    return head


def test_a_request_is_known_by_method_path_and_trace() -> None:
    """Method, path without query, and the caller's span are what a row needs."""
    head = read(request("Host: a", f"traceparent: {TRACE}"))
    assert (head.method, head.path, head.length) == ("GET", "/v1/orders", 0)
    assert head.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert head.parent_span_id == "b7ad6b7169203331"


@pytest.mark.parametrize("bad", ["00-xyz-b7ad6b7169203331-01", TRACE[:-3], "", TRACE + "-more"])
def test_a_traceparent_that_is_none_is_no_trace(bad: str) -> None:
    """A broken trace context leaves the columns empty and the request readable."""
    assert read(request(f"traceparent: {bad}")).trace_id is None


@pytest.mark.parametrize("other", [TRACE, "", "x"])
def test_two_trace_contexts_are_none(other: str) -> None:
    """Nobody can say which one the callee will take."""
    assert read(request(f"traceparent: {TRACE}", f"traceparent: {other}")).trace_id is None


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a/b?x=1?y=2", "/a/b"),
        ("http://host:1/a/b?c", "/a/b"),
        ("http://host", "/"),
        ("*", "*"),
        ("/" + "x" * 5000, "/" + "x" * 1023),
    ],
)
def test_the_path_has_no_query_and_no_host(target: str, path: str) -> None:
    assert path == read(request(start=f"OPTIONS {target} HTTP/1.1")).path


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ((), 0),
        (("Content-Length: 0",), 0),
        (("content-LENGTH:  17 ",), 17),
        (("Transfer-Encoding: chunked",), CHUNKED),
        (("transfer-encoding: gzip, Chunked",), CHUNKED),
    ],
)
def test_the_length_of_a_request(lines: tuple[str, ...], length: int) -> None:
    assert length == read(request(*lines, start="POST / HTTP/1.1")).length


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5, 5",),
        ("Content-Length: +5",),
        ("Content-Length: -1",),
        ("Content-Length: 0x5",),
        ("Content-Length:",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding:\x0bchunked",),
        ("X: a\nTransfer-Encoding: chunked",),
        ("X: a\rTransfer-Encoding: chunked",),
        ("X: a", " Transfer-Encoding: chunked"),
        ("X: a\x00b",),
    ],
)
def test_smuggling_shapes_are_not_http(lines: tuple[str, ...]) -> None:
    """Where two readers could see different requests, nothing is read."""
    raw = request(*lines, start="POST / HTTP/1.1")
    assert read_request_head(raw) is None
    assert read_unusual_request_head(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.2\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"SOURCE /x ICE/1.0\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"FETCH / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_what_is_not_http1_is_not_read(raw: bytes) -> None:
    assert read_request_head(raw) is None


@pytest.mark.parametrize(
    ("start", "lines", "closes"),
    [
        ("GET / HTTP/1.1", (), False),
        ("GET / HTTP/1.1", ("Connection: keep-alive",), False),
        ("GET / HTTP/1.1", ("Connection: Keep-Alive, Close",), True),
        ("GET / HTTP/1.1", ("Connection: x", "Connection: close"), True),
        ("GET / HTTP/1.0", (), True),
        ("GET / HTTP/1.0", ("Connection: keep-alive",), False),
    ],
)
def test_whether_a_connection_ends_with_a_request(start: str, lines: tuple[str, ...], *, closes: bool) -> None:
    assert closes is read(request(*lines, start=start)).closes


def test_an_upgrade_needs_both_headers() -> None:
    assert read(request("Upgrade: websocket", "Connection: keep-alive, Upgrade")).upgrades
    assert not read(request("Upgrade: websocket")).upgrades
    assert read(request(start="CONNECT host:1 HTTP/1.1")).upgrades


def test_the_canary_keeps_its_case() -> None:
    assert read(request("X-Workbench-Canary: AbC-12")).canary == "AbC-12"


def test_all_headers_are_there_for_a_match() -> None:
    raw = request("X-One: 1", "x-two:  2 ", f"traceparent: {TRACE}")
    assert read_all_headers(raw) == {"x-one": "1", "x-two": "2", "traceparent": TRACE}


@pytest.mark.parametrize(
    ("raw", "status", "length"),
    [
        (answer("Content-Length: 5"), 200, 5),
        (answer("transfer-encoding: chunked"), 200, CHUNKED),
        (answer(), 200, UNTIL_CLOSE),
        (answer("Content-Length: 5", start="HTTP/1.1 304 Not Modified"), 304, 0),
        (answer(start="HTTP/1.1 204"), 204, 0),
        (answer(start="HTTP/1.0 200 OK"), 200, UNTIL_CLOSE),
        (answer(start="HTTP/1.1 100 Continue"), 100, UNTIL_CLOSE),
    ],
)
def test_the_length_of_an_answer(raw: bytes, status: int, length: int) -> None:
    head = read_answer_head(raw)
    assert head is not None
    assert (status, length) == (head.status, head.length)


@pytest.mark.parametrize(
    "raw",
    [
        answer("Content-Length: 5", "Transfer-Encoding: chunked"),
        answer("Content-Length: 5", "Content-Length: 6"),
        answer(start="HTTP/1.1 20 OK"),
        answer(start="HTTP/2.0 200 OK"),
        b"-ERR unknown\r\n\r\n",
    ],
)
def test_answers_with_two_meanings_are_not_read(raw: bytes) -> None:
    assert read_answer_head(raw) is None


# -- both readers agree -------------------------------------------------------------------------------------

_NAME = st.sampled_from(
    [
        "Host",
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "Expect",
        "traceparent",
        "X-Workbench-Canary",
        "X-Content-Length",
        "Transfer-Encoding ",
        "",
    ]
) | st.text(alphabet="aZ09-_:. \t\xe9", max_size=6)
_VALUE = st.sampled_from(
    ["", "5", " 17", "5 ", "+5", "5,5", "chunked", "gzip, chunked", "CHUNKED", "close", "keep-alive, Upgrade", TRACE]
) | st.text(alphabet="aZ09 ,;\t\xe9\x00\x0b\r\n\x7f", max_size=8)
_LINES = st.lists(st.builds(lambda name, value: f"{name}:{value}", _NAME, _VALUE), max_size=5)
_TARGET = st.sampled_from(["/", "/a?b", "*", "http://h/x?y", "/a b", "/\xe9", "?", "//h/x"]) | st.text(
    alphabet='/a?#%{}"<>^|`\\ [],', max_size=8
)
_START = st.builds(
    lambda method, target, version: f"{method} {target} {version}",
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "CONNECT", "M-SEARCH", "FOO", "get"]),
    _TARGET,
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "RTSP/1.0"]),
)


@given(_START, _LINES)
def test_both_readers_of_requests_agree(start: str, lines: list[str]) -> None:
    """The quick reader says what the parser library says, for heads of every shape."""
    raw = request(*lines, start=start)
    assert read_unusual_request_head(raw) == read_request_head(raw)


@given(
    st.sampled_from(
        ["HTTP/1.1 200 OK", "HTTP/1.1 204", "HTTP/1.0 200 x", "HTTP/1.1 099 x", "HTTP/1.1  200", "HTTP/1.1 7"]
    )
    | st.text(alphabet="HTP/1. 02\xe9", max_size=15),
    _LINES,
)
def test_both_readers_of_answers_agree(start: str, lines: list[str]) -> None:
    raw = answer(*lines, start=start)
    assert read_unusual_answer_head(raw) == read_answer_head(raw)


# -- heads in pieces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [request("Host: a", f"traceparent: {TRACE}"), b"\r\n\r\n" + request("A: b")])
def test_every_beginning_of_a_request_is_plausible(whole: bytes) -> None:
    probe = Probe(request=True)
    assert all(probe.is_plausible(whole[i : i + 1]) for i in range(len(whole)))


@pytest.mark.parametrize(
    "beginning",
    [
        b"\x16\x03\x01",
        b"PING\r\n",
        b"*1\r\n",
        b"get x",
        b"AMQP",
        b"GET /x\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"GET / HTTP/1.1\nA",
    ],
)
def test_other_protocols_are_told_early(beginning: bytes) -> None:
    """A client that waits for an answer to its first line must not wait for us."""
    assert not Probe(request=True).is_plausible(beginning)


def test_a_head_has_a_limit() -> None:
    probe = Probe(request=True)
    assert probe.is_plausible(b"GET / HTTP/1.1\r\nX: ")
    assert not probe.is_plausible(b"x" * HEAD_LIMIT)


def test_the_limit_holds_for_heads_that_come_in_one_piece() -> None:
    """How the bytes were cut must not decide whether a request is read."""
    for reader in (read_request_head, read_answer_head):
        start = "GET / HTTP/1.1" if reader is read_request_head else "HTTP/1.1 200 OK"
        longest = HEAD_LIMIT - len(request("X: ", start=start))
        assert reader(request("X: " + "x" * longest, start=start)) is not None
        assert reader(request("X: " + "x" * (longest + 1), start=start)) is None


def test_answers_of_other_protocols_are_told_early() -> None:
    assert Probe(request=False).is_plausible(b"HTTP/1.1 2")
    assert not Probe(request=False).is_plausible(b"+PONG\r\n")
