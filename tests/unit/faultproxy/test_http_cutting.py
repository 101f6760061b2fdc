"""Answers that end too early, or never begin: closed, reset, truncated; and what that leaves of a connection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import Wire

CLOSE: dict[str, Any] = {"kind": "accept_then_close"}
RESET: dict[str, Any] = {"kind": "reset"}
LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
HEAD = b"HTTP/1.1 200 OK\r\n"


def truncate(after: int) -> dict[str, Any]:
    return {"kind": "truncate", "after": after}


def ended(wire: Wire, kind: dict[str, Any]) -> bool:
    """Tell whether the caller's connection ended as the kind has it."""
    if kind is RESET:
        return wire.caller.reset
    return wire.caller.ended and not wire.caller.aborted


# -- in place of an answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CLOSE, RESET])
def test_a_connection_ends_in_place_of_an_answer(clock: Clockwork, kind: dict[str, Any]) -> None:
    """The callee is not called, on a new connection or on one that was used before."""
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.fault("end", **kind)
    assert not wire.is_over
    wire.request(POST)
    assert ended(wire, kind)
    assert wire.is_over
    assert (wire.callee.data, wire.caller.data) == (GET, OK)
    assert wire.callee.closed or wire.callee.aborted
    wire.again()
    wire.request(GET)
    assert ended(wire, kind)
    assert not wire.dialled
    assert wire.told("faults", "status", "end_reason") == [("", "200", "complete")] + 2 * [("end", "", "cut")]


@pytest.mark.parametrize("kind", [CLOSE, RESET])
def test_answers_before_the_end_still_come(clock: Clockwork, kind: dict[str, Any]) -> None:
    wire = Wire(clock)
    wire.fault("end", match={"method": "POST"}, **kind)
    wire.request(GET + POST + GET)
    assert not wire.is_over
    wire.answer(OK)
    assert wire.caller.data == OK
    assert ended(wire, kind)
    assert wire.told("method", "end_reason") == [("GET", "complete"), ("POST", "cut")]


@pytest.mark.parametrize("kind", [CLOSE, RESET])
def test_delays_before_the_end_count(clock: Clockwork, kind: dict[str, Any]) -> None:
    """Those of a fault that was declared before; lifting that one lets the end come at once."""
    wire = Wire(clock)
    late = wire.fault("late", **LATE)
    wire.fault("end", **kind)
    wire.request(GET)
    wire.wait_ms(99)
    assert not wire.is_over
    wire.wait_ms(1)
    assert ended(wire, kind)
    wire.again()
    wire.request(GET)
    wire.lift(late)
    assert ended(wire, kind)
    assert wire.told("faults", "delay_ns") == [("late end", str(100_000_000)), ("late end", "0")]


def test_a_closed_caller_is_read_on_for_a_while(clock: Clockwork) -> None:
    """Closing a socket with bytes to read would send RST; who finds out in time gets a clean end."""
    wire = Wire(clock)
    wire.fault("end", **CLOSE)
    wire.request(POST[:-2])
    wire.request(POST[-2:] + GET)
    assert (wire.caller.ended, wire.caller.closed, wire.caller.paused) == (True, False, False)
    wire.caller_ends()
    assert wire.caller.closed
    wire.again()
    wire.request(GET)
    wire.wait_ms(1000)
    assert wire.caller.aborted
    wire.again()
    wire.request(GET)
    wire.caller_breaks()
    wire.wait_ms(1000)
    assert not wire.caller.aborted
    assert wire.told("bytes_in") == [(str(len(POST) - 2),), (str(len(GET)),), (str(len(GET)),)]


# -- truncated --------------------------------------------------------------------------------------------------

SIZED = HEAD + b"Content-Length: 10\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5\r\nabcde\r\n5\r\nfghij\r\n0\r\n\r\n"
ENDLESS = HEAD + b"\r\n"
BODY = b"abcdefghij"


@pytest.mark.parametrize("cut", [None, 1, 7])
@pytest.mark.parametrize(
    ("head", "body", "after", "passes"),
    [
        (SIZED, BODY, 0, b""),
        (SIZED, BODY, 4, b"abcd"),
        (SIZED, BODY, 10, b"abcdefghi"),
        (SIZED, BODY, 1000, b"abcdefghi"),
        (CHUNKED, CHUNKS, 0, b""),
        (CHUNKED, CHUNKS, 6, b"5\r\nabc"),
        (CHUNKED, CHUNKS, 1000, b"5\r\nabcde\r\n5\r\nfghi"),
        (CHUNKED, b"0\r\n\r\n", 1000, b""),
        (ENDLESS, BODY, 4, b"abcd"),
        (ENDLESS, BODY, 1000, b"abcdefghi"),
    ],
)
def test_an_answer_is_never_whole(
    clock: Clockwork, *, head: bytes, body: bytes, after: int, passes: bytes, cut: int | None
) -> None:
    """Its status and headers are, whatever its pieces and however its length is told."""
    wire = Wire(clock)
    wire.fault("cut", **truncate(after))
    wire.request(GET)
    wire.answer(head, cut)
    assert wire.caller.data == head
    wire.answer(body, cut)
    if not wire.is_over:
        wire.callee_ends()
    assert wire.caller.data == head + passes
    assert (wire.is_over, wire.caller.ended, wire.caller.aborted, wire.callee.closed) == (True, True, False, True)
    assert wire.told("faults", "status", "end_reason") == [("cut", "200", "cut")]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (GET, HEAD + b"Content-Length: 0\r\n\r\n"),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET.replace(b"GET", b"HEAD"), SIZED),
    ],
)
def test_an_answer_without_a_body_passes(clock: Clockwork, request_: bytes, answer: bytes) -> None:
    wire = Wire(clock)
    wire.fault("cut", **truncate(0))
    wire.request(request_)
    wire.answer(answer)
    assert wire.caller.data == answer
    assert not wire.is_over
    assert wire.told("end_reason") == [("complete",)]


def test_only_the_first_of_pipelined_answers_is_needed(clock: Clockwork) -> None:
    """What comes behind the one that was cut short cannot come any more."""
    wire = Wire(clock)
    wire.fault("cut", **truncate(1))
    wire.request(GET + GET)
    wire.answer(OK + OK)
    assert wire.caller.data == OK[:-4]
    assert wire.told("end_reason") == [("cut",), ("cut",)]


def test_a_truncated_answer_may_be_late(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.fault("cut", **truncate(4))
    wire.request(GET)
    wire.answer(SIZED + BODY)
    wire.wait_ms(99)
    assert (wire.caller.data, wire.is_over) == (b"", False)
    wire.wait_ms(1)
    assert (wire.caller.data, wire.is_over) == (SIZED + b"abcd", True)


def test_the_shortest_of_two_counts(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("long", **truncate(6))
    wire.fault("short", **truncate(2))
    wire.request(GET)
    wire.answer(SIZED + BODY)
    assert wire.caller.data == SIZED + b"ab"


def test_an_answer_given_here_is_truncated_too(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("cut", **truncate(3))
    wire.fault("err", kind="http_status", status=503)
    wire.request(GET)
    head, _, body = wire.caller.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert len(body) == 3
    assert wire.caller.ended
    assert wire.told("faults", "status", "end_reason") == [("cut err", "503", "cut")]


def test_requests_behind_a_truncated_answer_are_none(clock: Clockwork) -> None:
    """An answer that is given here ended the connection: what was pipelined behind its request meets no fault."""
    wire = Wire(clock)
    cut = wire.fault("cut", kind="truncate", after=1)
    wire.fault("err", kind="http_status", status=503)
    wire.request(GET * 3)
    assert wire.is_over
    assert (wire.edge.attempts, cut.eligible, cut.touched) == (1, 1, set())


def test_lifting_lets_an_answer_be_whole_again(clock: Clockwork) -> None:
    """What was kept of it leaves at once; answers to come are not touched."""
    wire = Wire(clock)
    cut = wire.fault("cut", **truncate(1000))
    wire.request(GET)
    wire.answer(SIZED + BODY[:5])
    assert wire.caller.data == SIZED + b"abcd"
    wire.lift(cut)
    assert wire.caller.data == SIZED + b"abcde"
    wire.answer(BODY[5:])
    wire.request(GET)
    wire.answer(OK)
    assert wire.caller.data == SIZED + BODY + OK
    assert wire.told("end_reason") == [("complete",), ("complete",)]


def test_a_body_that_cannot_be_read_ends_where_that_is_found(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("cut", **truncate(1000))
    wire.request(GET)
    wire.answer(CHUNKED + b"5\r\nabcde\r\n")
    wire.answer(b"zz\r\n")
    assert wire.is_over
    assert (CHUNKED + CHUNKS).startswith(wire.caller.data)
    assert wire.told("end_reason") == [("cut",)]
