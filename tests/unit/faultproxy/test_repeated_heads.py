"""Heads that are like earlier ones: known, or read in full, and in both cases the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.faultproxy.heads import read_request_head
from workbench.faultproxy.repeated_heads import FORMS_KEPT, known_head, read_and_remember

TRACES = (
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
)


def head(trace: str | None, *lines: str, start: str = "GET /v1/orders?page=2 HTTP/1.1") -> bytes:
    context = () if trace is None else (f"traceparent: {trace}",)
    return ("\r\n".join((start, "Host: shop", *context, *lines)) + "\r\n\r\n").encode("latin-1")


def test_another_line_and_another_trace_are_known() -> None:
    assert read_and_remember(head(TRACES[0], "a: another line")) is not None
    other = head(TRACES[1], "a: another line", start="POST /v1/carts/7?x=y HTTP/1.1")
    known = known_head(other)
    assert known is not None
    assert known == read_request_head(other)
    assert (known.method, known.path, known.trace_id) == ("POST", "/v1/carts/7", TRACES[1][3:35])


def test_what_the_other_headers_say_is_known_too() -> None:
    lines = ("content-length: 7", "expect: 100-continue", "connection: close, upgrade", "upgrade: x")
    read_and_remember(head(TRACES[0], *lines))
    other = head(TRACES[1], *lines, start="PUT / HTTP/1.1")
    assert known_head(other) == read_request_head(other)
    assert known_head(other) is not None


@pytest.mark.parametrize(
    "other",
    [
        head(TRACES[1].upper(), "a: near"),
        head(TRACES[1].replace("-", "_"), "a: near"),
        head(TRACES[1][1:] + "0", "a: near"),
        head(TRACES[1][:-1] + "\t", "a: near"),
        head(TRACES[1][:-2] + "\r\n", "a: near"),
        head(TRACES[1], "a: near", start="GET /v1/orders HTTP/1.0"),
        head(TRACES[1], "a: near", start="CONNECT shop:80 HTTP/1.1"),
        head(TRACES[1], "a: near", start="GET /v1/a b HTTP/1.1"),
        head(TRACES[1], "a: near", start="GET /" + "x" * 300 + " HTTP/1.1"),
        head(TRACES[1], "a: near") + b"GET / HTTP/1.1\r\n\r\n",
        head(TRACES[1], "a: near") + b"body",
        head(TRACES[1], "a: near")[:-1],
        b"\r\n" + head(TRACES[1], "a: near"),
        b"",
        b"\r\n\r\n",
    ],
)
def test_what_is_only_similar_is_not_known(other: bytes) -> None:
    read_and_remember(head(TRACES[0], "a: near"))
    assert known_head(head(TRACES[1], "a: near")) is not None
    assert known_head(other) is None


@pytest.mark.parametrize(
    "lines",
    [("x-raceparent: 1",), (f"traceparent: {TRACES[1]}",), (f"TRACEPARENT: {TRACES[1]}",), ("x-workbench-canary: 12",)],
)
def test_no_form_is_made_of_what_could_mean_something_else(lines: tuple[str, ...]) -> None:
    for start in (None, TRACES[0]):
        raw = head(start, *lines)
        read_and_remember(raw)
        known = known_head(raw)
        assert known is None or known == read_request_head(raw)


def test_forms_are_bounded() -> None:
    first = head(TRACES[0], "a: 0")
    for number in range(FORMS_KEPT + 1):
        read_and_remember(head(TRACES[0], f"a: {number}"))
    assert known_head(first) is None


_VALUES = st.sampled_from([*TRACES, TRACES[0].upper(), "", "x", TRACES[0] + " ", " " + TRACES[0], TRACES[0][:-1]])
_NAMES = st.sampled_from(["traceparent", "Traceparent", "TRACEPARENT", "x-traceparent", "content-length", "connection"])
_STARTS = st.sampled_from(
    ["GET / HTTP/1.1", "HEAD /a?b HTTP/1.1", "GET / HTTP/1.0", "CONNECT a:1 HTTP/1.1", "get / HTTP/1.1"]
)
_HEADS = st.tuples(_STARTS, st.lists(st.tuples(_NAMES, _VALUES), max_size=3))


@given(st.lists(_HEADS, min_size=1, max_size=6))
def test_a_known_head_is_what_it_would_be_read_as(heads: list[tuple[str, list[tuple[str, str]]]]) -> None:
    """Whatever was read before."""
    for start, headers in heads:
        raw = head(None, *(f"{name}: {value}" for name, value in headers), start=start)
        known = known_head(raw)
        assert known is None or known == read_request_head(raw)
        assert read_and_remember(raw) == read_request_head(raw)
