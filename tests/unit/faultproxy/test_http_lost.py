"""Lost answers: the callee hears everything and finishes, whoever has left; the caller gets something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import CHUNKED, CONTINUE, GET, HEAD, NO, OK, POST, SWITCH, UPGRADE, UPLOAD
from tests.unit.faultproxy.wire import Wire

REPLACED: dict[str, Any] = {"kind": "response_lost", "answer": "replaced"}
CLOSED: dict[str, Any] = {"kind": "response_lost", "answer": "closed"}
DROPPED: dict[str, Any] = {"kind": "response_lost", "answer": "dropped"}
LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello"


def bad_gateway(*, close: bool = False, body: bool = True) -> bytes:
    text = b'{"type": "about:blank", "title": "Injected fault", "status": 502, "fault": "lost"}'
    head = (
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: application/problem+json\r\n"
        + f"content-length: {len(text)}\r\n".encode()
        + (b"connection: close\r\n" if close else b"")
        + b"\r\n"
    )
    return head + (text if body else b"")


# -- replaced ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_bytes", [GET, POST, UPLOAD])
@pytest.mark.parametrize("answer", [OK, CHUNKED, NO])
@pytest.mark.parametrize("cut", [None, 1])
def test_another_answer_comes_once_the_callee_has_given_its_own(
    clock: Clockwork, request_bytes: bytes, answer: bytes, cut: int | None
) -> None:
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(request_bytes, cut)
    assert wire.callee.data == request_bytes
    wire.answer(answer[:-1], cut)
    assert wire.caller.data == b""
    wire.answer(answer[-1:])
    assert wire.caller.data == bad_gateway()
    assert wire.told("status", "end_reason", "faults") == [("502", "complete", "lost")]
    assert int(wire.rows.read()[0]["bytes_out"]) == len(bad_gateway())


def test_the_connection_goes_on(clock: Clockwork) -> None:
    """Pipelined and kept: each request has the answer that is its own."""
    wire = Wire(clock)
    fault = wire.fault("lost", match={"method": "POST"}, **REPLACED)
    wire.request(GET + POST + GET)
    assert wire.callee.data == GET + POST + GET
    wire.answer(OK + NO + OK)
    assert wire.caller.data == OK + bad_gateway() + OK
    wire.lift(fault)
    wire.request(POST)
    wire.answer(OK)
    assert wire.caller.data == OK + bad_gateway() + OK + OK
    assert wire.told("status") == [("200",), ("502",), ("200",), ("200",)]


def test_head_gets_no_body(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(HEAD)
    wire.answer(OK[:-5])
    assert wire.caller.data == bad_gateway(body=False)


def test_100_continue_passes(clock: Clockwork) -> None:
    """Without it the callee would never get the request that it is to finish."""
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(POST[:-4])
    wire.answer(CONTINUE)
    assert wire.caller.data == CONTINUE
    wire.request(POST[-4:])
    wire.answer(OK)
    assert wire.caller.data == CONTINUE + bad_gateway()


def test_delays_in_front_of_it_apply(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.fault("early", **{**LATE, "side": "request"})
    wire.fault("lost", **REPLACED)
    wire.fault("never", kind="http_status", status=503)
    wire.request(GET)
    wire.wait_ms(100)
    assert wire.callee.data == GET
    wire.answer(OK)
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == bad_gateway()
    assert wire.told("decisions", "delay_ns") == [("late=0+ early=0+ lost=0+", "200000000")]


@pytest.mark.parametrize("answer", [UNTIL_CLOSE, b"", OK[:10], OK[:-1]])
def test_a_callee_that_ends_its_side_has_answered(clock: Clockwork, answer: bytes) -> None:
    """Whatever it did say does not arrive, and no further request can be answered here."""
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.answer(answer)
    wire.callee_ends()
    assert wire.caller.data == bad_gateway(close=True)
    assert wire.caller.ended
    wire.caller_ends()
    assert wire.is_over


def test_an_answer_that_cannot_be_read_does_not_arrive_either(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    wire.answer(b"more")
    assert wire.caller.data == bad_gateway(close=True)


def test_a_request_that_cannot_be_read_ends_the_connection(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert wire.is_over
    assert wire.told("end_reason") == [("cut",)]


def test_a_tunnel_is_not_opened(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", **REPLACED)
    wire.request(UPGRADE + b"frames")
    assert wire.callee.data == UPGRADE
    wire.answer(SWITCH + b"frames")
    wire.answer(b"more frames")
    assert wire.caller.data == bad_gateway(close=True)
    assert wire.callee.data == UPGRADE


def test_an_upgrade_that_the_callee_refuses_leaves_the_connection_as_it_was(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", match={"path": "/ws"}, **REPLACED)
    wire.request(UPGRADE + GET)
    wire.answer(OK)
    assert wire.caller.data == bad_gateway()
    assert wire.callee.data == UPGRADE + GET
    wire.answer(OK)
    assert wire.caller.data == bad_gateway() + OK


# -- closed, dropped --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [OK, CHUNKED, SWITCH])
def test_the_connection_ends_in_place_of_the_answer(clock: Clockwork, answer: bytes) -> None:
    """After what came before has left; requests behind it are not forwarded."""
    wire = Wire(clock)
    wire.fault("lost", match={"method": "POST"}, **CLOSED)
    wire.request(GET + POST + GET)
    assert wire.callee.data == GET + POST
    wire.answer(OK)
    assert not wire.caller.ended
    wire.answer(answer)
    assert wire.caller.data == OK
    assert wire.caller.ended
    assert wire.is_over
    assert wire.told("method", "end_reason", "status") == [("GET", "complete", "200"), ("POST", "cut", "")]


def test_a_dropped_answer_leaves_the_caller_waiting_until_the_fault_goes(clock: Clockwork) -> None:
    wire = Wire(clock)
    fault = wire.fault("lost", **DROPPED)
    wire.request(POST)
    wire.answer(OK)
    wire.callee_ends()
    wire.wait_ms(60_000)
    assert (wire.callee.data, wire.caller.data) == (POST, b"")
    assert not wire.caller.ended
    wire.lift(fault)
    assert wire.is_over
    assert wire.caller.aborted
    assert wire.told("end_reason", "status") == [("cut", "")]


def test_a_callee_that_breaks_does_not_end_the_wait(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("lost", **DROPPED)
    wire.request(POST)
    wire.callee_breaks()
    assert not wire.caller.ended
    assert not wire.is_over
    wire.caller_ends()
    assert wire.is_over
    assert wire.told("end_reason") == [("client_gone",)]


# -- callers that leave -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [REPLACED, CLOSED, DROPPED])
@pytest.mark.parametrize("leaves", ["ends", "breaks"])
@pytest.mark.parametrize("held", [False, True])
def test_the_callee_finishes_though_the_caller_has_left(
    clock: Clockwork, fields: dict[str, Any], leaves: str, held: bool
) -> None:
    """It hears the whole request, is not told that nobody waits, and its connection ends after its answer."""
    wire = Wire(clock)
    if held:
        wire.fault("slow", **{**LATE, "side": "request"})
    wire.fault("lost", **fields)
    wire.request(POST)
    if leaves == "ends":
        wire.caller_ends()
    else:
        wire.caller_breaks()
    assert wire.told("end_reason", "status") == [("client_gone", "")]
    wire.wait_ms(100)
    assert wire.callee.data == POST
    assert not wire.callee.ended
    assert not wire.callee.is_closing()
    wire.answer(OK)
    assert wire.callee.ended or wire.callee.is_closing()
    wire.caller_breaks()
    assert wire.is_over
    assert not wire.edge.connections
    assert len(wire.rows.lines) == 1


@pytest.mark.parametrize("fields", [REPLACED, CLOSED, DROPPED])
def test_a_request_that_was_not_whole_is_not_finished(clock: Clockwork, fields: dict[str, Any]) -> None:
    wire = Wire(clock)
    wire.fault("lost", **fields)
    wire.request(POST[:-1])
    wire.caller_breaks()
    assert wire.is_over
    assert wire.callee.closed


@pytest.mark.parametrize("fields", [REPLACED, CLOSED, DROPPED])
def test_what_is_left_to_the_callee_ends_with_the_fault(clock: Clockwork, fields: dict[str, Any]) -> None:
    """A callee that never answers must not keep a connection for ever."""
    wire = Wire(clock)
    fault = wire.fault("lost", **fields)
    wire.request(POST)
    wire.caller_breaks()
    assert not wire.is_over
    wire.lift(fault)
    assert wire.is_over
    assert not fault.touched


# -- taken off --------------------------------------------------------------------------------------------------


def test_taken_off_before_the_answer_it_arrives(clock: Clockwork) -> None:
    wire = Wire(clock)
    fault = wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.lift(fault)
    wire.answer(OK)
    assert wire.caller.data == OK
    assert wire.told("faults", "status", "end_reason") == [("lost", "200", "complete")]


def test_taken_off_in_the_middle_of_the_answer_the_connection_is_cut(clock: Clockwork) -> None:
    """The beginning is gone; the rest alone must not pass."""
    wire = Wire(clock)
    fault = wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.answer(OK[:-2])
    wire.lift(fault)
    assert wire.is_over
    assert wire.caller.data == b""
    assert wire.told("end_reason") == [("cut",)]
