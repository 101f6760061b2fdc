"""A callee that takes few requests at a time: who goes on, who waits, who is refused, and who frees a place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import Wire, run
from workbench.faultproxy.admission import Gate
from workbench.model.faults.actions import Admit, Answer

BROWNOUT: dict[str, Any] = {"kind": "brownout", "concurrent": 1, "queue": 1, "service_time": "10ms"}
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n"


class Caller:
    """One of several connections to the same edge."""

    def __init__(self, wire: Wire, *, first: bool = False) -> None:
        if not first:
            wire.again()
        self.caller, self.callee = wire.caller, wire.callee
        self.connection = wire.connection
        self.end = wire._caller_end
        self._wire = wire

    def send(self, data: bytes) -> None:
        self._wire._caller_end, self._wire.caller, self._wire.callee = self.end, self.caller, self.callee
        self._wire._callee_end = None
        self.end.data_received(data)

    @property
    def reached(self) -> bool:
        """The plane dials once a request may go on."""
        return self.connection._dialling is not None

    def answered(self) -> None:
        """The callee answers the phone, and the request."""
        self._wire._caller_end, self._wire.callee = self.end, self.callee
        self._wire.answer_phone()
        self._wire.answer(OK)


@pytest.fixture
def wire(clock: Clockwork) -> Wire:
    wire = Wire(clock)
    wire.auto_answer = False
    return wire


def three(wire: Wire) -> tuple[Caller, Caller, Caller]:
    """The first is let in, the second waits, the third is refused."""
    callers = (Caller(wire, first=True), Caller(wire), Caller(wire))
    for caller in callers:
        caller.send(GET)
    wire.clock.advance_ms(10)
    return callers


def test_one_goes_on_one_waits_and_one_is_refused(wire: Wire) -> None:
    fault = wire.fault("busy", retry_after="3s", **BROWNOUT)
    first, second, third = three(wire)
    assert [first.reached, second.reached, third.reached] == [True, False, False]
    assert third.caller.data.startswith(REFUSAL)
    assert b"retry-after: 3\r\n" in third.caller.data
    assert first.caller.data == second.caller.data == b""
    assert fault.state().counts.hit == 3
    assert wire.told("status", "end_reason") == [("503", "complete")]


def test_who_waits_goes_on_when_the_other_is_answered(wire: Wire) -> None:
    """And is then held for its own service time; the row tells the whole wait as delay."""
    wire.fault("busy", **BROWNOUT)
    first, second, _ = three(wire)
    wire.clock.advance_ms(100)
    first.answered()
    assert first.caller.data == OK
    wire.clock.advance_ms(9)
    assert not second.reached
    wire.clock.advance_ms(1)
    assert second.reached
    second.answered()
    assert second.caller.data == OK
    assert [row["delay_ns"] for row in wire.rows.read()] == ["0", "10000000", "120000000"]


@pytest.mark.parametrize("how", ["caller", "callee", "cut"])
def test_a_place_is_given_back_however_the_attempt_ends(wire: Wire, how: str) -> None:
    wire.fault("busy", **BROWNOUT)
    first, second, _ = three(wire)
    if how == "caller":
        first.end.connection_lost(ConnectionResetError())
    elif how == "callee":
        first.connection.close("upstream_refused")
    else:
        first.connection.cut()
    wire.clock.advance_ms(10)
    assert second.reached


def test_the_end_of_the_recording_is_not_the_end_of_an_attempt(wire: Wire) -> None:
    wire.fault("busy", **BROWNOUT)
    first, second, _ = three(wire)
    for caller in (first, second):
        for attempt in caller.connection.stream.open_attempts():
            attempt.end("open", wire.clock.now)
    wire.clock.advance_ms(100)
    assert not second.reached
    first.answered()
    wire.clock.advance_ms(10)
    assert second.reached


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_who_leaves_the_queue_is_not_forwarded(wire: Wire, how: str) -> None:
    """Its connection is over, and its room in the queue is free."""
    wire.fault("busy", **BROWNOUT)
    first, second, _ = three(wire)
    if how == "ends":
        second.end.eof_received()
    else:
        second.end.connection_lost(ConnectionResetError())
    assert second.connection.closed
    fourth = Caller(wire)
    fourth.send(GET)
    assert fourth.caller.data == b""
    first.answered()
    wire.clock.advance_ms(10)
    assert fourth.reached
    assert not second.reached


def test_taken_off_everybody_goes_on_at_once(wire: Wire) -> None:
    fault = wire.fault("busy", concurrent=1, queue=5, kind="brownout", service_time="1h")
    callers = [Caller(wire, first=True), *(Caller(wire) for _ in range(5))]
    for caller in callers:
        caller.send(GET)
    wire.clock.advance_ms(100)
    assert not any(caller.reached for caller in callers)
    wire.lift(fault)
    assert all(caller.reached for caller in callers)
    for caller in callers:
        caller.answered()
        assert caller.caller.data == OK


def test_who_went_on_without_a_place_has_none_to_lose(wire: Wire) -> None:
    """Answered before the first one is, who had the place: the connection stays, the next fault finds all places."""
    fault = wire.fault("busy", **BROWNOUT)
    first, second, _ = three(wire)
    wire.lift(fault)
    second.answered()
    assert second.caller.data == OK
    assert not second.connection.closed
    assert wire.told("end_reason")[-1] == ("complete",)
    first.answered()
    second.send(GET)
    second.answered()
    assert second.caller.data == OK + OK


def test_a_queue_is_empty_when_its_fault_comes_back(wire: Wire) -> None:
    fault = wire.fault("busy", schedule={"period": "10s", "duty": "30%"}, **BROWNOUT)
    first, *_ = three(wire)
    run(wire.edge.turn(fault, on=False, now=wire.clock.now))
    wire.clock.advance_ms(10_000)
    run(wire.edge.turn(fault, on=True, now=wire.clock.now))
    fourth = Caller(wire)
    fourth.send(GET)
    assert fourth.caller.data == b"", "it waits where the second one did"
    first.answered()
    wire.clock.advance_ms(10)
    assert fourth.reached


def test_the_more_are_inside_the_longer_it_takes(wire: Wire) -> None:
    wire.fault("busy", kind="brownout", concurrent=3, service_time="10ms")
    callers = [Caller(wire, first=True), Caller(wire), Caller(wire)]
    for caller in callers:
        caller.send(GET)
    seen = []
    for _ in range(3):
        wire.clock.advance_ms(10)
        seen.append([caller.reached for caller in callers])
    assert seen == [[True, False, False], [True, True, False], [True, True, True]]


def test_other_delays_are_counted_from_being_let_in(wire: Wire) -> None:
    wire.fault("late", kind="latency", delay="30ms", side="request")
    wire.fault("busy", **BROWNOUT)
    first, second = Caller(wire, first=True), Caller(wire)
    first.send(GET)
    second.send(GET)
    wire.clock.advance_ms(40)
    assert first.reached
    first.answered()
    wire.clock.advance_ms(39)
    assert not second.reached
    wire.clock.advance_ms(1)
    assert second.reached


def test_whoever_is_answered_here_needs_no_place(wire: Wire) -> None:
    wire.fault("busy", kind="brownout", concurrent=1, service_time="10ms")
    wire.fault("err", kind="http_status", status=500)
    for caller in (Caller(wire, first=True), Caller(wire)):
        caller.send(GET)
        assert caller.caller.data.startswith(b"HTTP/1.1 500 ")


def test_pipelined_requests_wait_in_their_order(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("busy", **BROWNOUT)
    wire.request(GET + POST)
    clock.advance_ms(10)
    wire._answer_phone()
    assert wire.callee.data == GET
    wire.answer(OK)
    wire.wait_ms(10)
    assert wire.callee.data == GET + POST
    wire.answer(OK)
    assert wire.caller.data == OK + OK


def test_a_place_is_given_back_once() -> None:
    gate = Gate()
    admit = Admit(concurrent=1, queue=0, service_ns=5, refusal=Answer(503, (), b""))
    place = gate.enter(admit)
    assert place is not None
    assert gate.enter(admit) is None
    place.give_back()
    place.give_back()
    assert gate.enter(admit) is not None
    assert gate.enter(admit) is None
