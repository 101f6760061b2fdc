"""Faults that go off and on again: by the clock alone, as if taken off and put on, and counted as one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, OK
from tests.unit.faultproxy.wire import NEVER, Wire, run
from workbench.faultproxy.active_fault import ActiveFault, RequestInfluence, activate
from workbench.faultproxy.wire import FaultOrder

MS = 1_000_000
SCHEDULE = {"period": "10s", "duty": "30%"}


def flapping(now: int = 0, **schedule: Any) -> ActiveFault:
    declared = {"id": "f", "edge": "a:b", "kind": "refuse", "schedule": schedule or SCHEDULE}
    order = FaultOrder.model_validate({"fault": declared, "seed": 1, "lease_ms": 1})
    fault = activate(order.fault, 1, now, NEVER)
    fault.turn(on=True, now=now)
    fault.begin(now)
    return fault


@pytest.mark.parametrize(
    ("at_ms", "on", "next_ms"),
    [
        (0, True, 3000),
        (2999, True, 3000),
        (3000, False, 10_000),
        (9999, False, 10_000),
        (10_000, True, 13_000),
        (100_000_000_000, True, 100_000_003_000),
    ],
)
def test_its_times_are_counted_from_when_it_was_put_on(at_ms: int, on: bool, next_ms: int) -> None:
    """However late anyone looks, and however long that is."""
    fault = flapping(now=77)
    assert fault.should_be_on(77 + at_ms * MS) is on
    assert fault.next_turn_ns(77 + at_ms * MS) == 77 + next_ms * MS


def test_a_fault_that_does_not_flap_has_no_turns() -> None:
    order = FaultOrder.model_validate({"fault": {"id": "f", "edge": "a:b", "kind": "refuse"}, "seed": 1, "lease_ms": 1})
    fault = activate(order.fault, 1, 0, NEVER)
    assert not fault.flaps
    assert fault.should_be_on(NEVER)
    assert fault.next_turn_ns(NEVER) > NEVER


def test_late_timers_do_not_lengthen_its_time() -> None:
    """Nobody has turned it off yet, and it hits nothing any more; nor beyond its lease."""
    fault = flapping()
    assert [fault.hits_at(ms * MS) for ms in (0, 2999, 3000, 10_000)] == [True, True, False, False]
    fault.expires_at_ns = 1000 * MS
    assert [fault.hits_at(ms * MS) for ms in (999, 1000)] == [True, False]


def test_the_time_for_which_it_was_on_is_counted() -> None:
    fault = flapping()
    for ms, on in ((3000, False), (10_000, True), (13_000, False)):
        fault.turn(on=on, now=ms * MS)
    state = fault.state()
    assert (state.on, state.on_ns) == (False, 6000 * MS)


def turn(wire: Wire, fault: RequestInfluence, *, on: bool) -> None:
    run(wire.edge.turn(fault, on=on, now=wire.clock.now))


def test_requests_in_off_times_are_neither_hit_nor_numbered(clock: Clockwork) -> None:
    wire = Wire(clock)
    late = wire.fault("late", kind="latency", delay="1s", schedule=SCHEDULE)
    wire.request(GET)
    wire.answer(OK)
    assert wire.caller.data == b""
    turn(wire, late, on=False)
    assert wire.caller.data == OK, "what was held is let go"
    wire.request(GET)
    wire.answer(OK)
    assert wire.caller.data == OK + OK
    clock.advance_ms(10_000)
    turn(wire, late, on=True)
    wire.request(GET)
    assert wire.told("decisions") == [("late=0+",), ("",)]
    assert late.state().counts.eligible == 2


def test_an_off_time_that_was_slept_through_shortens_no_other(clock: Clockwork) -> None:
    """Nobody looked between 3 s and 10 s: it hits from then on, and was not on in between."""
    wire = Wire(clock)
    late = wire.fault("late", kind="latency", delay="1s", schedule=SCHEDULE)
    clock.advance_ms(10_000)
    turn(wire, late, on=True)
    clock.advance_ms(1000)
    wire.request(GET)
    assert late.hit == 1
    clock.advance_ms(2000)
    turn(wire, late, on=False)
    assert late.state().on_ns == 6000 * MS


def test_an_edge_that_refused_through_an_off_time_did_so_all_the_time() -> None:
    fault = flapping()
    fault.turn(on=True, now=10_000 * MS)
    fault.turn(on=False, now=13_000 * MS)
    assert fault.state().on_ns == 13_000 * MS


def test_a_hole_that_goes_off_closes_what_it_swallowed(clock: Clockwork) -> None:
    wire = Wire(clock)
    hole = wire.fault("hole", kind="blackhole", schedule=SCHEDULE)
    wire.request(GET)
    turn(wire, hole, on=False)
    assert wire.caller.aborted
    wire.again()
    wire.request(GET)
    wire.answer(OK)
    assert wire.caller.data == OK


def test_faults_keep_their_order(clock: Clockwork) -> None:
    """One that was off in between is still asked before those that were declared after it."""
    wire = Wire(clock)
    first = wire.fault("first", kind="http_status", status=503, schedule=SCHEDULE)
    wire.fault("second", kind="http_status", status=500)
    turn(wire, first, on=False)
    wire.request(GET)
    clock.advance_ms(10_000)
    turn(wire, first, on=True)
    wire.request(GET)
    assert wire.told("status", "faults") == [("500", "second"), ("503", "first")]


@pytest.mark.parametrize(("share", "hit"), [(1.0, True), (1e-9, False)])
def test_what_was_decided_on_a_connection_stays_decided(clock: Clockwork, share: float, hit: bool) -> None:
    """It is one attempt: hit or not, it is counted once, and meets the fault again each time that it comes on."""
    wire = Wire(clock, protocol="tcp")
    late = wire.fault("late", kind="latency", delay="100ms", share=share, schedule=SCHEDULE)
    for _ in range(3):
        before = wire.caller.data
        wire.answer(b"x")
        assert (wire.caller.data == before) is hit
        turn(wire, late, on=False)
        wire.answer(b"y")
        assert wire.caller.data == before + b"xy"
        clock.advance_ms(10_000)
        turn(wire, late, on=True)
    assert late.state().counts.eligible == 1
    wire.caller_breaks()
    assert wire.told("decisions", "delay_ns") == [
        ("late=0+", str(100 * MS)) if hit else ("late=0-", "0"),
    ]


def test_a_connection_that_came_in_an_off_time_is_decided_when_the_fault_is_back(clock: Clockwork) -> None:
    wire = Wire(clock, protocol="tcp")
    late = wire.fault("late", kind="latency", delay="100ms", schedule=SCHEDULE)
    turn(wire, late, on=False)
    wire.again()
    wire.answer(b"x")
    assert wire.caller.data == b"x"
    assert late.state().counts.eligible == 1
    clock.advance_ms(10_000)
    turn(wire, late, on=True)
    wire.answer(b"y")
    assert wire.caller.data == b"x"
    assert late.state().counts.eligible == 2
