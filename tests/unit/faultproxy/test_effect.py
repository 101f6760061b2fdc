"""Evidence of a fault: bytes and delay of the attempts it hit, live, and each counted once."""

from __future__ import annotations

from typing import Any

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import CANARY, Wire
from workbench.faultproxy.active_fault import ActiveFault
from workbench.faultproxy.recording import RETIRED_KEPT, Evidence

LATE: dict[str, Any] = {"kind": "latency", "delay": "100ms"}
MS = 1_000_000


def seen(fault: ActiveFault) -> tuple[int, int, int]:
    state = fault.state()
    return state.bytes_in, state.bytes_out, state.delay_ns // MS


def test_bytes_and_delay_are_those_of_hit_attempts(clock: Clockwork) -> None:
    wire = Wire(clock)
    late = wire.fault("late", match={"method": "POST"}, **LATE)
    wire.request(GET + POST)
    wire.answer(OK)
    assert seen(late) == (len(POST), 0, 0)
    wire.answer(OK)
    wire.wait_ms(40)
    assert seen(late) == (len(POST), 0, 40)
    wire.wait_ms(60)
    assert seen(late) == (len(POST), len(OK), 100)
    wire.request(POST)
    wire.answer(OK)
    wire.wait_ms(30)
    wire.caller_breaks()
    assert seen(late) == (2 * len(POST), len(OK), 130)


def test_a_connection_shows_its_bytes_while_it_is_open(clock: Clockwork) -> None:
    wire = Wire(clock, "tcp")
    late = wire.fault("late", **LATE)
    wire.request(b"hello")
    wire.answer(b"welcome")
    assert seen(late) == (5, 0, 100)
    wire.wait_ms(100)
    assert seen(late) == (5, 7, 100)
    wire.connection.cut()
    assert seen(late) == (5, 7, 100)


def test_several_faults_on_one_attempt_count_it_each(clock: Clockwork) -> None:
    """The delay is the attempt's: which of them added it, the kinds say."""
    wire = Wire(clock)
    late = wire.fault("late", **LATE)
    err = wire.fault("err", kind="http_status", status=503)
    wire.request(GET)
    wire.wait_ms(100)
    assert seen(late) == seen(err) == (len(GET), len(wire.caller.data), 100)


def test_the_end_of_the_recording_ends_no_evidence(clock: Clockwork) -> None:
    wire = Wire(clock)
    hole = wire.fault("hole", kind="blackhole")
    wire.request(GET)
    for attempt in wire.connection.stream.open_attempts():
        attempt.end("open", clock.now)
    wire.request(b"more")
    assert seen(hole) == (len(GET) + 4, 0, 0)
    wire.lift(hole)
    assert seen(hole) == (len(GET) + 4, 0, 0)


def test_canaries_are_no_evidence(clock: Clockwork) -> None:
    wire = Wire(clock)
    err = wire.fault("err", kind="http_status", status=503)
    wire.request(b"GET / HTTP/1.1\r\nx-workbench-canary: " + CANARY.encode() + b"\r\n\r\n")
    assert seen(err) == (0, 0, 0)


def test_faults_that_are_off_are_remembered_until_the_next_recording(clock: Clockwork) -> None:
    wire = Wire(clock)
    evidence = Evidence()
    first, second = wire.fault("first", **LATE), wire.fault("second", **LATE)
    evidence.retire(first)
    evidence.retire(second)
    assert evidence.retired([]) == [first, second]
    assert evidence.retired([second]) == [first]
    for number in range(RETIRED_KEPT):
        evidence.retire(wire.fault(f"f{number}", **LATE))
    assert len(evidence.retired([])) == RETIRED_KEPT
    assert evidence.recording is None
    assert wire.edge.evidence.recording is not None
    evidence.begin(wire.edge.evidence.recording)
    assert evidence.retired([]) == []
