"""How connections end: who left, what the other side is told, and what the row says."""

from __future__ import annotations

import pytest

from tests.unit.faultproxy.clockwork import Clockwork, Transport
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import Wire
from workbench.faultproxy.active_fault import activate
from workbench.faultproxy.caller_end import CallerEnd
from workbench.model.faults.refuse import Refuse


def test_a_callee_that_does_not_answer_the_phone(clock: Clockwork) -> None:
    """The caller's connection is closed, and the row says why."""
    wire = Wire(clock)
    wire.auto_answer = False
    wire.request(GET)
    wire.connection.close("upstream_refused")
    assert wire.caller.closed
    assert wire.told("path", "end_reason", "status") == [("/a", "upstream_refused", "")]


def test_bytes_wait_while_the_phone_rings(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.auto_answer = False
    wire.request(POST[:40])
    wire.request(POST[40:] + GET)
    wire.answer_phone()
    assert wire.callee.data == POST + GET


def test_an_idle_connection_that_the_caller_ends(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.caller_ends()
    assert (wire.caller.closed, wire.callee.closed, wire.is_over) == (True, True, True)
    assert wire.told("end_reason") == [("complete",)]


def test_a_caller_that_only_finished_sending_gets_its_answer(clock: Clockwork) -> None:
    """The bytes pass; the attempt counts as left, because that is what it nearly always is."""
    wire = Wire(clock)
    wire.request(GET)
    wire.caller_ends()
    assert wire.callee.ended
    assert not wire.caller.closed
    wire.answer(OK)
    assert wire.caller.data == OK
    assert wire.caller.ended
    assert wire.is_over
    assert wire.told("end_reason") == [("client_gone",)]


def test_a_caller_that_leaves_is_noticed_by_the_callee(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET)
    wire.caller_breaks()
    assert wire.callee.data == GET
    assert wire.callee.ended
    assert wire.callee.closed
    assert wire.told("end_reason") == [("client_gone",)]
    wire.callee_breaks()
    assert wire.is_over


def test_a_caller_that_leaves_while_the_phone_rings(clock: Clockwork) -> None:
    """What it sent is still delivered: the callee may act on it."""
    wire = Wire(clock)
    wire.auto_answer = False
    wire.request(POST)
    wire.caller_breaks()
    wire.answer_phone()
    assert wire.callee.data == POST
    assert wire.callee.closed


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_a_callee_that_dies_before_its_answer(clock: Clockwork, how: str) -> None:
    wire = Wire(clock)
    wire.request(GET)
    if how == "ends":
        wire.callee_ends()
    else:
        wire.callee_breaks()
    assert wire.caller.ended
    wire.caller_ends()
    assert wire.is_over
    assert wire.told("end_reason", "status") == [("upstream_gone", "")]


@pytest.mark.parametrize("at", [5, 30, len(OK) - 1])
def test_a_callee_that_dies_in_its_answer(clock: Clockwork, at: int) -> None:
    """What it said is passed on."""
    wire = Wire(clock)
    wire.request(GET + GET)
    wire.answer(OK[:at])
    wire.callee_breaks()
    assert wire.caller.data == OK[:at]
    assert wire.caller.ended
    assert wire.told("end_reason") == [("upstream_gone",), ("upstream_gone",)]
    assert wire.rows.read()[0]["bytes_out"] == str(at)


def test_an_idle_callee_that_closes(clock: Clockwork) -> None:
    """The caller is told at once, as it would be without us."""
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.callee_ends()
    assert wire.caller.ended
    assert not wire.is_over
    wire.caller_ends()
    assert wire.is_over


def test_a_request_that_crosses_the_callees_end(clock: Clockwork) -> None:
    """Nobody will answer it: the connection ends, and the row says who is missing."""
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.callee_ends()
    wire.request(GET)
    assert wire.is_over
    assert wire.told("end_reason") == [("complete",), ("upstream_gone",)]


def test_half_of_a_head_is_passed_on_when_the_caller_ends(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET[:10])
    wire.caller_ends()
    assert wire.callee.data == GET[:10]
    assert wire.callee.ended
    wire.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    wire.callee_ends()
    assert wire.caller.data == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert wire.told("method", "bytes_in", "end_reason") == [("", "10", "complete")]


def test_a_cut_ends_everything_at_once(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET + GET)
    wire.answer(OK)
    wire.connection.cut()
    assert (wire.caller.aborted, wire.callee.aborted) == (True, True)
    assert wire.told("end_reason") == [("complete",), ("cut",)]
    assert not wire.edge.connections


def test_a_phone_that_is_answered_too_late(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.auto_answer = False
    wire.request(GET)
    wire.connection.cut()
    wire.answer_phone()
    assert wire.callee.aborted
    assert wire.callee.data == b""


def test_a_stalled_caller_pauses_the_callee(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK[:-1])
    wire.caller_stalls()
    assert wire.callee.paused
    wire._caller_end.resume_writing()
    assert not wire.callee.paused


@pytest.mark.parametrize("why", ["disabled", "refusing"])
def test_a_connection_that_was_accepted_too_late_is_cut(clock: Clockwork, why: str) -> None:
    """Between the closing of a listener and the next turn of the loop."""
    wire = Wire(clock)
    if why == "disabled":
        wire.edge.enabled = False
    else:
        wire.edge._closers.append(activate(Refuse(id="down", edge="a:b"), 1, 0, 1))
    caller = Transport()
    CallerEnd(wire.edge, clock.as_loop()).connection_made(caller.as_transport())
    assert caller.aborted
    assert len(wire.edge.connections) == 1


def test_requests_behind_one_that_came_too_late_are_none(clock: Clockwork) -> None:
    """The callee has ended its side: the connection is over, and what else came in the same piece meets no fault."""
    wire = Wire(clock)
    late = wire.fault("late", kind="latency", delay="20ms", match={"path": "/p"})
    wire.request(GET)
    wire.answer(OK)
    wire.callee_ends()
    wire.request(GET + POST + POST)
    assert wire.is_over
    assert wire.told("path", "end_reason") == [("/a", "complete"), ("/a", "upstream_gone")]
    assert (wire.edge.attempts, late.eligible, late.touched) == (2, 0, set())
    wire.caller_breaks()
    wire.callee_breaks()
    wire.lift(late)


def test_what_is_over_cannot_be_touched(clock: Clockwork) -> None:
    wire = Wire(clock)
    late = wire.fault("late", kind="latency", delay="20ms")
    wire.connection.cut()
    wire.connection.touch(late)
    assert not late.touched


def test_line_breaks_behind_a_request_are_no_attempt(clock: Clockwork) -> None:
    wire = Wire(clock)
    late = wire.fault("late", kind="latency", delay="20ms")
    wire.request(GET + b"\r\n")
    wire.answer(OK)
    wire.wait_ms(20)
    wire.caller_ends()
    assert (wire.caller.data, wire.callee.data) == (OK, GET + b"\r\n")
    assert wire.is_over
    assert (wire.edge.attempts, late.eligible) == (1, 1)


def test_an_answer_that_leaves_after_the_recording_still_leaves(clock: Clockwork) -> None:
    """The caller has finished sending, and gets it."""
    wire = Wire(clock)
    wire.fault("late", kind="latency", delay="100ms")
    wire.request(GET)
    wire.answer(OK)
    end_recording(wire)
    wire.caller_ends()
    assert not wire.is_over
    wire.wait_ms(100)
    assert wire.caller.data == OK
    assert wire.told("end_reason") == [("open",)]


def test_attempts_that_outlived_a_recording_are_not_kept(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", kind="latency", delay="1ms")
    wire.request(GET)
    wire.answer(OK)
    end_recording(wire)
    for _ in range(10):
        wire.wait_ms(1)
        wire.request(GET)
        wire.answer(OK)
    assert len(list(wire.connection.stream.open_attempts())) == 1


def end_recording(wire: Wire) -> None:
    for attempt in wire.connection.stream.open_attempts():
        attempt.end("open", wire.clock.now)
