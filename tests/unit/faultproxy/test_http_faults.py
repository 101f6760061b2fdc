"""Faults on HTTP: who is hit and who is not; nothing outlives the fault; rows tell what the caller felt."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import CONTINUE, GET, OK, POST
from tests.unit.faultproxy.wire import Wire
from workbench.model.faults.seeded import is_hit

MS = 1_000_000
LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
LATE_REQUEST: dict[str, Any] = {**LATE, "side": "request"}
ERROR: dict[str, Any] = {"kind": "http_status", "status": 503, "retry_after": "2s"}
HOLE: dict[str, Any] = {"kind": "blackhole"}


def row(wire: Wire, number: int = -1) -> dict[str, str]:
    return wire.rows.read()[number]


# -- delays ---------------------------------------------------------------------------------------------------


def test_an_answer_is_held_before_its_first_byte(clock: Clockwork) -> None:
    """The callee hears at once; the caller waits, and then gets everything."""
    wire = Wire(clock)
    wire.fault("late", **LATE)
    start = clock.now
    wire.request(GET)
    assert wire.callee.data == GET
    wire.wait_ms(5)
    wire.answer(OK[:20])
    wire.answer(OK[20:])
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(2)
    assert wire.caller.data == OK
    told = row(wire)
    assert (told["faults"], told["decisions"], told["status"]) == ("late", "late=0+", "200")
    assert int(told["first_byte"]) - start == 105 * MS
    assert int(told["delay_ns"]) == 100 * MS


def test_the_rest_of_a_held_answer_is_not_held_again(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.request(GET)
    wire.answer(OK[:-2])
    wire.wait_ms(100)
    wire.answer(OK[-2:])
    assert wire.caller.data == OK
    assert row(wire)["end_reason"] == "complete"


def test_an_answer_that_becomes_unreadable_is_not_held_twice(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.request(GET)
    wire.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    wire.wait_ms(100)
    wire.answer(b"zz\r\n")
    assert wire.caller.data.endswith(b"zz\r\n")


BAD_UPLOAD = b"PUT /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"


def test_the_answer_to_a_request_that_becomes_unreadable_is_held(clock: Clockwork) -> None:
    """It was hit, though its body cannot be read."""
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.request(BAD_UPLOAD)
    wire.request(b"more")
    assert wire.callee.data == BAD_UPLOAD + b"more"
    wire.wait_ms(50)
    wire.answer(OK)
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == OK
    wire.caller_breaks()
    assert (row(wire)["delay_ns"], row(wire)["bytes_in"]) == (str(100 * MS), str(len(BAD_UPLOAD) + 4))


def test_the_answer_to_a_request_that_becomes_unreadable_is_paced(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("slow", kind="bandwidth", rate="1KB/s")
    wire.request(BAD_UPLOAD)
    wire.answer(OK * 100)
    assert len(wire.caller.data) < len(OK * 100)


def test_what_becomes_unreadable_behind_its_answer_passes(clock: Clockwork) -> None:
    """The callee has answered before the body had come, which then cannot be read."""
    wire = Wire(clock)
    wire.request(BAD_UPLOAD[:-4])
    wire.answer(OK)
    wire.request(BAD_UPLOAD[-4:])
    wire.request(b"more")
    wire.answer(b"what?")
    assert (wire.callee.data, wire.caller.data) == (BAD_UPLOAD + b"more", OK + b"what?")
    assert wire.told("path", "status") == [("/u", "200")]


def test_100_continue_is_not_held(clock: Clockwork) -> None:
    """It is not the answer, and the caller needs it to go on."""
    wire = Wire(clock)
    wire.fault("late", **LATE)
    wire.request(POST[:-4])
    wire.answer(CONTINUE)
    assert wire.caller.data == CONTINUE
    wire.request(POST[-4:])
    wire.answer(OK)
    assert wire.caller.data == CONTINUE
    wire.wait_ms(100)
    assert wire.caller.data == CONTINUE + OK


def test_only_hit_requests_are_held(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", seed=3, share=0.5, **LATE)
    hits = [is_hit(3, "late", i, 0.5) for i in range(8)]
    assert 0 < sum(hits) < 8
    for hit in hits:
        before = len(wire.caller.data)
        wire.request(GET)
        wire.answer(OK)
        assert (len(wire.caller.data) == before) is hit
        wire.wait_ms(100)
    assert [("late" if hit else "",) for hit in hits] == wire.told("faults")
    assert [(f"late={i}{'+' if hit else '-'}",) for i, hit in enumerate(hits)] == wire.told("decisions")


def test_pipelined_answers_keep_their_order(clock: Clockwork) -> None:
    """The second answer is not held, but waits behind the first, which is."""
    wire = Wire(clock)
    wire.fault("late", match={"path": "/a"}, **LATE)
    wire.request(GET + POST)
    wire.answer(OK + OK)
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == OK + OK
    assert wire.told("path", "faults", "end_reason") == [("/a", "late", "complete"), ("/p", "", "complete")]


def test_the_request_side_holds_the_request(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", **LATE_REQUEST)
    wire.request(POST)
    wire.wait_ms(99)
    assert not wire.dialled
    wire.wait_ms(1)
    assert wire.callee.data == POST
    wire.answer(OK)
    assert wire.caller.data == OK
    assert int(row(wire)["delay_ns"]) == 100 * MS


def test_both_sides_add_up(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("one", **LATE_REQUEST)
    wire.fault("two", **LATE)
    start = clock.now
    wire.request(GET)
    wire.wait_ms(100)
    wire.answer(OK)
    wire.wait_ms(100)
    told = row(wire)
    assert int(told["first_byte"]) - start == 200 * MS
    assert int(told["delay_ns"]) == 200 * MS
    assert told["faults"] == "one two"


def test_a_caller_that_leaves_has_still_been_forwarded(clock: Clockwork) -> None:
    """The network delivers what was sent, even late; the attempt ended when the caller left."""
    wire = Wire(clock)
    wire.fault("late", **LATE_REQUEST)
    wire.request(POST)
    wire.wait_ms(30)
    wire.caller_breaks()
    assert wire.told("end_reason", "delay_ns") == [("client_gone", str(30 * MS))]
    assert not wire.dialled
    wire.wait_ms(70)
    assert wire.callee.data == POST
    assert wire.callee.closed
    wire.callee_breaks()
    assert wire.is_over


@pytest.mark.parametrize("leaves", ["ends", "breaks"])
def test_a_caller_that_leaves_a_held_answer(clock: Clockwork, leaves: str) -> None:
    """The callee has acted, the caller got nothing, and the attempt lasted until it left."""
    wire = Wire(clock)
    wire.fault("late", **LATE)
    start = clock.now
    wire.request(GET)
    wire.answer(OK)
    wire.wait_ms(40)
    if leaves == "ends":
        wire.caller_ends()
    else:
        wire.caller_breaks()
    told = row(wire)
    assert (told["end_reason"], told["status"], told["first_byte"]) == ("client_gone", "", "")
    assert int(told["ended"]) - start == 40 * MS
    assert int(told["delay_ns"]) == 40 * MS
    wire.wait_ms(100)
    wire.callee_ends()
    assert wire.is_over
    assert len(wire.rows.lines) == 1


def test_a_lifted_delay_lets_go_at_once(clock: Clockwork) -> None:
    wire = Wire(clock)
    late = wire.fault("late", **LATE)
    wire.request(GET)
    wire.answer(OK)
    wire.wait_ms(40)
    wire.lift(late)
    assert wire.caller.data == OK
    assert int(row(wire)["delay_ns"]) == 40 * MS


def test_a_lifted_delay_does_not_hold_answers_to_come(clock: Clockwork) -> None:
    """The request was hit, but its answer comes when nothing is on any more."""
    wire = Wire(clock)
    late = wire.fault("late", **LATE)
    wire.request(GET)
    wire.lift(late)
    wire.answer(OK)
    assert wire.caller.data == OK


# -- swallowing -------------------------------------------------------------------------------------------------


def test_a_swallowed_request_gets_nothing(clock: Clockwork) -> None:
    wire = Wire(clock)
    hole = wire.fault("hole", **HOLE)
    wire.request(POST[:-1])
    wire.request(POST[-1:] + GET)
    wire.wait_ms(100_000)
    assert (wire.caller.data, wire.dialled, wire.is_over) == (b"", False, False)
    wire.lift(hole)
    assert wire.caller.aborted
    assert wire.told("end_reason", "faults", "bytes_in") == [("cut", "hole", str(len(POST + GET)))]
    assert hole.state().counts.hit == 1


def test_answers_before_a_swallowed_request_still_come(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("hole", match={"method": "POST"}, **HOLE)
    wire.request(GET + POST)
    wire.answer(OK)
    assert wire.caller.data == OK
    assert wire.callee.data == GET


def test_a_caller_that_gives_up_frees_its_connection(clock: Clockwork) -> None:
    """Nothing can come back any more; a descriptor for each timed-out call would add up."""
    wire = Wire(clock)
    hole = wire.fault("hole", **HOLE)
    start = clock.now
    wire.request(GET)
    wire.wait_ms(500)
    wire.caller_ends()
    assert wire.is_over
    assert wire.told("end_reason", "status") == [("client_gone", "")]
    assert int(row(wire)["ended"]) - start == 500 * MS
    assert not hole.touched


def test_a_connection_that_was_not_hit_survives_the_lifting(clock: Clockwork) -> None:
    wire = Wire(clock)
    hole = wire.fault("hole", match={"method": "POST"}, **HOLE)
    wire.request(GET)
    wire.lift(hole)
    wire.answer(OK)
    assert wire.caller.data == OK
    assert not wire.is_over
