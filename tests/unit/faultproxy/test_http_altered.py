"""Altered answers: another body in whole framing, and everything that cannot be altered passes as it is."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import CONTINUE, GET, HEAD, POST, SWITCH, UPGRADE
from tests.unit.faultproxy.wire import Wire
from workbench.faultproxy.altering import LIMIT, unchunked
from workbench.faultproxy.bodies import FramingError

BODY = json.dumps({"id": 7, "state": "paid"}).encode()
EMPTIED: dict[str, Any] = {"kind": "corrupt_body", "how": "empty"}
WITHOUT_ID: dict[str, Any] = {"kind": "corrupt_body", "how": "missing_field", "field": "id"}
REST = b'{"state": "paid"}'


def answer(body: bytes, *lines: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    framing = (
        () if any(line.startswith(("Transfer", "Connection")) for line in lines) else (f"Content-Length: {len(body)}",)
    )
    return ("\r\n".join((f"HTTP/{version} {status}", "X-A: b", *lines, *framing)) + "\r\n\r\n").encode() + body


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x;e=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nT: 1\r\n\r\n"


def altered(body: bytes, status: str = "200 OK", version: str = "1.1", *lines: str) -> bytes:
    head = "\r\n".join((f"HTTP/{version} {status}", "X-A: b", *lines, f"content-length: {len(body)}"))
    return head.encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize(
    "given",
    [
        answer(BODY),
        answer(chunked(BODY[:3], BODY[3:]), "Transfer-Encoding: chunked", "Trailer: T"),
        answer(gzip.compress(BODY), "Content-Encoding: gzip"),
        answer(chunked(gzip.compress(BODY)), "Content-Encoding: GZIP", "Transfer-Encoding: chunked"),
        answer(zlib.compress(BODY), "Content-Encoding: deflate"),
        answer(zlib.compress(BODY, wbits=-15), "Content-Encoding: deflate"),
    ],
)
def test_the_body_is_another_and_the_framing_is_right(clock: Clockwork, given: bytes, cut: int | None) -> None:
    """Pipelined behind and before others, however the callee cuts it."""
    wire = Wire(clock)
    wire.fault("bad", match={"method": "GET"}, **WITHOUT_ID)
    wire.request(POST + GET + POST)
    wire.answer(answer(BODY) + given + answer(BODY), cut)
    assert wire.caller.data == answer(BODY) + altered(REST) + answer(BODY)
    assert wire.told("faults", "end_reason") == [("", "complete"), ("bad", "altered"), ("", "complete")]
    assert int(wire.rows.read()[1]["bytes_out"]) == len(altered(REST))


def test_an_answer_that_ends_with_its_connection(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("bad", **WITHOUT_ID)
    wire.request(GET)
    wire.answer(answer(BODY, "Connection: close", version="1.0"))
    assert wire.caller.data == b""
    wire.callee_ends()
    assert wire.caller.data == altered(REST, "200 OK", "1.0", "Connection: close")
    assert wire.caller.ended
    assert wire.told("end_reason") == [("altered",)]


PASSES = {
    "HEAD": (HEAD, answer(BODY)[: -len(BODY)]),
    "204": (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    "no body": (GET, answer(b"")),
    "no JSON": (GET, answer(b"hello")),
    "another field": (GET, answer(b'{"name": "x"}')),
    "brotli": (GET, answer(BODY, "Content-Encoding: br")),
    "no gzip": (GET, answer(BODY, "Content-Encoding: gzip")),
    "cut gzip": (GET, answer(gzip.compress(BODY)[:-4], "Content-Encoding: gzip")),
    "two members": (GET, answer(gzip.compress(BODY) * 2, "Content-Encoding: gzip")),
    "too long": (GET, answer(b"[" + b" " * LIMIT + b"]")),
    "too long, chunked": (GET, answer(chunked(b" " * LIMIT, BODY), "Transfer-Encoding: chunked")),
    "too long when decoded": (GET, answer(gzip.compress(b" " * LIMIT + BODY), "Content-Encoding: gzip")),
}


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("cut", [None, 1000])
def test_what_cannot_be_altered_passes_untouched(clock: Clockwork, name: str, cut: int | None) -> None:
    wire = Wire(clock)
    wire.fault("bad", **WITHOUT_ID)
    request, given = PASSES[name]
    wire.request(request + GET)
    wire.answer(given, cut)
    assert wire.caller.data == given
    wire.answer(answer(BODY))
    assert wire.caller.data == given + altered(REST)
    assert wire.told("end_reason") == [("complete",), ("altered",)]


def test_a_body_of_exactly_the_limit_is_altered(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("bad", **EMPTIED)
    wire.request(GET * 2)
    wire.answer(answer(b"x" * LIMIT))
    assert wire.caller.data == altered(b"")
    wire.answer(answer(b"x" * (LIMIT + 1)))
    assert wire.caller.data == altered(b"") + answer(b"x" * (LIMIT + 1))


def test_100_continue_passes_and_is_no_answer(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("bad", **EMPTIED)
    wire.request(POST[:-4])
    wire.answer(CONTINUE)
    wire.request(POST[-4:])
    wire.answer(answer(BODY))
    assert wire.caller.data == CONTINUE + altered(b"")


def test_a_tunnel_passes(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("bad", **EMPTIED)
    wire.request(UPGRADE)
    wire.answer(SWITCH + b"frames")
    wire.request(b"more")
    assert wire.caller.data == SWITCH + b"frames"
    assert wire.callee.data == UPGRADE + b"more"


def test_a_delay_in_front_of_it(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", kind="latency", delay="100ms")
    wire.fault("bad", **EMPTIED)
    wire.request(GET)
    wire.answer(answer(BODY))
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == altered(b"")


def test_alterations_add_up_in_order(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("one", **WITHOUT_ID)
    wire.fault("two", kind="corrupt_body", how="wrong_type", field="state")
    wire.request(GET)
    wire.answer(answer(BODY))
    assert wire.caller.data == altered(b'{"state": 0}')
    assert wire.told("faults") == [("one two",)]


def test_a_stale_copy_is_the_one_that_the_fault_saw_first(clock: Clockwork) -> None:
    wire = Wire(clock)
    fault = wire.fault("old", kind="corrupt_body", how="stale_copy")
    for number in (b"1", b"2", b"3"):
        wire.request(GET)
        wire.answer(answer(number))
    assert wire.caller.data == answer(b"1") + altered(b"1") * 2
    wire.lift(fault)
    wire.fault("new", kind="corrupt_body", how="stale_copy")
    wire.request(GET)
    wire.answer(answer(b"4"))
    assert wire.caller.data.endswith(answer(b"4"))


@pytest.mark.parametrize("rest", [BODY[10:], b""])
def test_taken_off_in_the_middle_the_answer_passes_as_it_is(clock: Clockwork, rest: bytes) -> None:
    """What was kept leaves at once."""
    wire = Wire(clock)
    fault = wire.fault("bad", **EMPTIED)
    wire.request(GET)
    given = answer(BODY)
    wire.answer(given[: len(given) - len(rest) - 1])
    assert wire.caller.data == b""
    wire.lift(fault)
    assert wire.caller.data == given[: len(given) - len(rest) - 1]
    wire.answer(given[len(given) - len(rest) - 1 :])
    assert wire.caller.data == given
    assert wire.told("end_reason") == [("complete",)]


@pytest.mark.parametrize("how", ["ends", "unreadable"])
def test_an_answer_that_never_gets_whole_passes_as_far_as_it_came(clock: Clockwork, how: str) -> None:
    wire = Wire(clock)
    wire.fault("bad", **EMPTIED)
    wire.request(GET)
    given = answer(b"2\r\nab\r\n", "Transfer-Encoding: chunked")
    wire.answer(given)
    if how == "ends":
        wire.callee_ends()
        assert wire.told("end_reason") == [("upstream_gone",)]
    else:
        wire.answer(b"zz\r\n")
        given += b"zz\r\n"
    assert wire.caller.data == given


@pytest.mark.parametrize("body", [b"", b"5\r\nhello", b"5\r\nhello\r\n"])
def test_a_body_that_was_not_measured_cannot_be_unchunked(body: bytes) -> None:
    with pytest.raises(FramingError):
        unchunked(body)
