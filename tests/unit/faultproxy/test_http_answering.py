"""Answers in the callee's place: the request is taken whole, the callee is not called, order is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, HEAD, OK, POST, UPLOAD
from tests.unit.faultproxy.wire import CANARY, Wire

LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
ERROR: dict[str, Any] = {"kind": "http_status", "status": 503, "retry_after": "2s"}


def row(wire: Wire) -> dict[str, str]:
    return wire.rows.read()[-1]


def expected_error(*, close: bool = False, body: bool = True) -> bytes:
    text = b'{"type": "about:blank", "title": "Injected fault", "status": 503, "fault": "err"}'
    head = (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 2\r\n"
        + f"content-length: {len(text)}\r\n".encode()
        + (b"connection: close\r\n" if close else b"")
        + b"\r\n"
    )
    return head + (text if body else b"")


@pytest.mark.parametrize("request_bytes", [GET, POST, UPLOAD])
@pytest.mark.parametrize("cut", [None, 1])
def test_the_callee_is_not_called(clock: Clockwork, request_bytes: bytes, cut: int | None) -> None:
    """The request is taken to its end, the answer is ours, the connection goes on."""
    wire = Wire(clock)
    err = wire.fault("err", **ERROR)
    wire.request(request_bytes[:-1], cut)
    assert wire.caller.data == b""
    wire.request(request_bytes[-1:])
    assert wire.caller.data == expected_error()
    assert not wire.dialled
    told = row(wire)
    assert (told["status"], told["end_reason"], told["faults"]) == ("503", "complete", "err")
    assert int(told["bytes_in"]) == len(request_bytes)
    assert int(told["bytes_out"]) == len(expected_error())
    wire.lift(err)
    wire.request(GET)
    wire.answer(OK)
    assert wire.caller.data == expected_error() + OK


def test_head_gets_no_body(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("err", **ERROR)
    wire.request(HEAD)
    assert wire.caller.data == expected_error(body=False)


def test_an_answer_of_ours_waits_for_its_turn(clock: Clockwork) -> None:
    """Pipelined: hit requests between others are answered in order, and never reach the callee."""
    wire = Wire(clock)
    wire.fault("err", match={"method": "POST"}, **ERROR)
    wire.request(GET + POST + POST + GET)
    assert wire.caller.data == b""
    assert wire.callee.data == GET + GET
    wire.answer(OK)
    assert wire.caller.data == OK + expected_error() * 2
    wire.answer(OK)
    assert wire.caller.data == OK + expected_error() * 2 + OK
    assert wire.told("status") == [("200",), ("503",), ("503",), ("200",)]


@pytest.mark.parametrize("request_bytes", [b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
def test_who_wants_the_connection_closed_gets_it(clock: Clockwork, request_bytes: bytes) -> None:
    wire = Wire(clock)
    wire.fault("err", **ERROR)
    wire.request(request_bytes)
    assert wire.caller.data == expected_error(close=True)
    assert wire.caller.ended
    wire.caller_ends()
    assert wire.is_over


def test_who_expects_100_is_answered_at_once(clock: Clockwork) -> None:
    """It has not sent its body, and may never: nobody could tell that from the next request."""
    wire = Wire(clock)
    wire.fault("err", **ERROR)
    wire.request(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert wire.caller.data == expected_error(close=True)
    wire.request(b"hello" + GET)
    assert wire.caller.data == expected_error(close=True)
    assert len(wire.rows.lines) == 1
    assert not wire.dialled


def test_a_request_without_a_readable_end_is_answered_and_closed(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("err", **ERROR)
    wire.request(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GET)
    assert wire.caller.data == expected_error(close=True)
    assert not wire.dialled


def test_a_delay_in_front_of_an_answer_of_ours(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.fault("err", **ERROR)
    wire.request(GET)
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == expected_error()
    assert row(wire)["faults"] == "late err"


def test_an_idle_callee_may_close_while_we_answer(clock: Clockwork) -> None:
    """The caller is told with the next answer, not in the middle of a request."""
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.fault("err", **ERROR)
    wire.request(POST[:-1])
    wire.callee_ends()
    assert not wire.caller.ended
    wire.request(POST[-1:])
    assert wire.caller.data == OK + expected_error(close=True)
    assert wire.caller.ended


# -- canaries ---------------------------------------------------------------------------------------------------

CANARY_GET = b"GET /ready HTTP/1.1\r\nx-workbench-canary: " + CANARY.encode() + b"\r\n\r\n"


def test_a_canary_is_hit_and_not_counted(clock: Clockwork) -> None:
    wire = Wire(clock)
    err = wire.fault("err", share=1e-9, **ERROR)
    wire.request(CANARY_GET)
    assert wire.caller.data == expected_error()
    assert err.state().counts.eligible == 0
    assert wire.edge.attempts == 0
    assert wire.told("ordinal", "canary", "decisions") == [("-1", "True", "err=-1+")]


def test_a_canary_is_forwarded_with_its_header(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(CANARY_GET)
    assert wire.callee.data == CANARY_GET
    wire.answer(OK)
    assert wire.told("ordinal", "canary") == [("-1", "True")]


def test_a_forged_canary_counts_like_any_request(clock: Clockwork) -> None:
    wire = Wire(clock)
    err = wire.fault("err", **ERROR)
    wire.request(CANARY_GET.replace(CANARY.encode(), b"guess"))
    assert err.state().counts.eligible == 1
    assert wire.told("ordinal", "canary") == [("0", "False")]
