"""Connections that are only bytes: one row each, faults on both directions, ends passed on one at a time."""

from __future__ import annotations

from typing import Any

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.wire import Wire, run

MS = 1_000_000
LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
HOLE: dict[str, Any] = {"kind": "blackhole"}
ERROR: dict[str, Any] = {"kind": "http_status", "status": 503}


def tcp(clock: Clockwork) -> Wire:
    return Wire(clock, protocol="tcp")


def test_bytes_pass_both_ways(clock: Clockwork) -> None:
    """Even those that look like HTTP."""
    wire = tcp(clock)
    assert wire.dialled
    wire.answer(b"hello\n")
    wire.request(b"GET / HTTP/1.1\r\n\r\n")
    wire.answer(b"bye\n")
    wire.callee_ends()
    assert wire.caller.ended
    wire.caller_ends()
    assert wire.is_over
    assert (wire.callee.data, wire.caller.data) == (b"GET / HTTP/1.1\r\n\r\n", b"hello\nbye\n")
    assert wire.told("ordinal", "method", "status", "end_reason", "bytes_in", "bytes_out") == [
        ("0", "", "", "complete", "18", "10")
    ]


def test_one_side_may_end_long_before_the_other(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.request(b"question")
    wire.caller_ends()
    assert wire.callee.ended
    assert not wire.is_over
    wire.answer(b"answer")
    wire.callee_ends()
    assert wire.caller.data == b"answer"
    assert wire.told("end_reason") == [("complete",)]


def test_who_breaks_the_connection_is_told(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.request(b"x")
    wire.caller_breaks()
    wire.again()
    wire.request(b"x")
    wire.callee_breaks()
    wire.caller_ends()
    assert wire.told("end_reason") == [("client_gone",), ("upstream_gone",)]


def test_a_delay_holds_each_piece_on_its_side(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.fault("late", **LATE)
    wire.request(b"q")
    assert wire.callee.data == b"q"
    wire.answer(b"one")
    wire.wait_ms(60)
    wire.answer(b"two")
    wire.wait_ms(40)
    assert wire.caller.data == b"one"
    wire.wait_ms(60)
    assert wire.caller.data == b"onetwo"
    wire.callee_ends()
    wire.caller_ends()
    assert wire.told("faults", "delay_ns") == [("late", str(100 * MS))]


def test_a_fault_meets_open_connections_once(clock: Clockwork) -> None:
    wire = tcp(clock)
    late = wire.fault("late", side="request", **LATE)
    wire.request(b"a")
    wire.request(b"b")
    assert late.state().counts.eligible == 1
    wire.wait_ms(100)
    assert wire.callee.data == b"ab"
    wire.again()
    assert late.state().counts.eligible == 2


def test_another_fault_of_the_same_id_decides_and_counts_anew(clock: Clockwork) -> None:
    """On a connection that is kept from one run to the next; only one that flaps is bound to what it has decided."""
    wire = tcp(clock)
    wire.lift(wire.fault("late", **LATE))
    never = wire.fault("late", share=1e-9, **LATE)
    assert (never.eligible, never.hit) == (1, 0)
    wire.answer(b"x")
    assert wire.caller.data == b"x"
    wire.lift(never)
    again = wire.fault("late", schedule={"period": "10s", "duty": "30%"}, **LATE)
    for on in (False, True):
        run(wire.edge.turn(again, on=on, now=clock.now))
    assert (again.eligible, again.hit) == (1, 1)
    wire.answer(b"y")
    assert wire.caller.data == b"x"
    wire.caller_breaks()
    assert wire.told("decisions", "faults") == [("late=0+ late=0- late=0+", "late late")]


def test_a_share_is_of_connections(clock: Clockwork) -> None:
    wire = tcp(clock)
    late = wire.fault("late", share=1e-9, **LATE)
    wire.answer(b"x")
    assert wire.caller.data == b"x"
    assert late.state().counts.passed == 1


def test_a_lifted_delay_lets_go(clock: Clockwork) -> None:
    wire = tcp(clock)
    late = wire.fault("late", **LATE)
    wire.answer(b"x")
    wire.lift(late)
    assert wire.caller.data == b"x"
    wire.answer(b"y")
    assert wire.caller.data == b"xy"


def test_a_hole_swallows_both_directions_until_lifted(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.request(b"before")
    hole = wire.fault("hole", **HOLE)
    wire.request(b"x")
    wire.answer(b"y")
    wire.callee_ends()
    assert (wire.callee.data, wire.caller.data, wire.caller.ended) == (b"before", b"", False)
    wire.lift(hole)
    assert wire.caller.aborted
    assert wire.told("faults", "end_reason") == [("hole", "cut")]


def test_a_caller_that_gives_up_on_a_hole_frees_its_connection(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.fault("hole", **HOLE)
    wire.request(b"x")
    wire.caller_ends()
    assert wire.is_over
    assert wire.told("end_reason") == [("client_gone",)]


def test_nothing_meets_a_swallowed_connection(clock: Clockwork) -> None:
    wire = tcp(clock)
    wire.fault("hole", **HOLE)
    late = wire.fault("late", **LATE)
    assert late.state().counts.eligible == 0


def test_http_faults_leave_bytes_alone(clock: Clockwork) -> None:
    """On an HTTP edge that carries something else, there is nobody to answer."""
    wire = Wire(clock)
    err = wire.fault("err", **ERROR)
    wire.request(b"\x00\x01")
    assert wire.callee.data == b"\x00\x01"
    assert err.state().counts.eligible == 0


def test_bytes_on_an_http_edge_meet_the_others(clock: Clockwork) -> None:
    """What is not HTTP is one attempt, and is decided once."""
    wire = Wire(clock)
    late = wire.fault("late", **LATE)
    wire.request(b"\x00\x01")
    wire.answer(b"\x02")
    assert wire.caller.data == b""
    wire.wait_ms(100)
    assert wire.caller.data == b"\x02"
    assert late.state().counts.hit == 1
