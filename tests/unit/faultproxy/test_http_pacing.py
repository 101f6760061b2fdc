"""Requests and answers that go in parts: whose bytes those are, what is counted, and that nothing else is slow."""

from __future__ import annotations

from typing import Any

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import Wire

MS = 1_000_000
DRIP: dict[str, Any] = {"kind": "slow_drip", "chunk": 2, "every": "10ms"}
SLICER: dict[str, Any] = {"kind": "slicer", "average": 10, "delay": "10ms"}
HEAD = OK[: OK.index(b"\r\n\r\n") + 4]


def test_a_body_drips_behind_its_head(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("drip", **DRIP)
    wire.request(GET)
    wire.answer(OK)
    seen = [wire.caller.data]
    for _ in range(2):
        wire.wait_ms(10)
        seen.append(wire.caller.data)
    assert seen == [HEAD + b"he", HEAD + b"hell", OK]
    assert wire.told("faults", "end_reason", "delay_ns", "bytes_out") == [
        ("drip", "complete", str(20 * MS), str(len(OK)))
    ]


def test_only_the_hit_one_of_pipelined_answers_is_slow(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("drip", match={"method": "GET"}, **DRIP)
    wire.request(GET + POST)
    wire.answer(OK + OK)
    wire.wait_ms(10)
    assert wire.caller.data == HEAD + b"hell"
    wire.wait_ms(10)
    assert wire.caller.data == OK + OK
    assert wire.told("method", "delay_ns") == [("GET", str(20 * MS)), ("POST", "0")]


def test_a_head_is_paced_too_where_all_bytes_are(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("slow", **SLICER)
    wire.request(GET)
    wire.answer(OK, cut=7)
    assert wire.caller.data == OK[:10]
    wire.wait_ms(10)
    assert wire.caller.data == OK[:20]


def test_a_request_is_paced_on_its_side(clock: Clockwork) -> None:
    """Its waiting is its delay; the next one, which is not hit, is not slow."""
    wire = Wire(clock)
    wire.fault("slow", side="request", match={"method": "POST"}, **SLICER)
    wire.request(POST + GET)
    assert wire.callee.data == POST[:10]
    wire.wait_ms(30)
    assert wire.callee.data == POST[:40]
    wire.wait_ms(10)
    assert wire.callee.data == POST + GET
    wire.answer(OK + OK)
    assert wire.caller.data == OK + OK
    assert wire.told("method", "delay_ns") == [("POST", str(40 * MS)), ("GET", "0")]


def test_a_late_answer_is_paced_when_its_delay_is_over(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("drip", **DRIP)
    wire.fault("late", kind="latency", delay="100ms")
    wire.request(GET)
    wire.answer(OK)
    wire.wait_ms(99)
    assert wire.caller.data == b""
    wire.wait_ms(1)
    assert wire.caller.data == HEAD + b"he"
    wire.wait_ms(20)
    assert wire.caller.data == OK
    assert wire.told("delay_ns") == [(str(120 * MS),)]


def test_an_answer_given_here_is_paced_too(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("drip", **DRIP)
    wire.fault("err", kind="http_status", status=503)
    wire.request(GET)
    head, _, body = wire.caller.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert len(body) == 2


def test_a_caller_that_gives_up_on_the_drops_has_left(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("drip", **DRIP)
    wire.request(GET)
    wire.answer(OK)
    wire.wait_ms(15)
    wire.caller_breaks()
    assert wire.told("end_reason", "status", "delay_ns") == [("client_gone", "200", str(15 * MS))]


def test_lifting_lets_the_rest_go(clock: Clockwork) -> None:
    wire = Wire(clock)
    drip = wire.fault("drip", **DRIP)
    wire.request(GET)
    wire.answer(OK[:-1])
    wire.lift(drip)
    assert wire.caller.data == OK[:-1]
    wire.answer(OK[-1:])
    assert wire.caller.data == OK


def test_a_tunnel_is_not_paced_by_what_paced_its_opening(clock: Clockwork) -> None:
    """It is an attempt of its own, and no request."""
    wire = Wire(clock)
    wire.fault("slow", match={"path": "/ws"}, **SLICER)
    wire.request(b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    switch = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    wire.answer(switch)
    wire.wait_ms(100)
    wire.answer(b"x" * 100)
    assert wire.caller.data == switch + b"x" * 100


def test_a_ramp_delays_each_request_as_it_stands_then(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("late", kind="latency", delay="100ms", ramp="10s")
    for waits_s, delay_ms in ((0, 0), (5, 50), (6, 100)):
        wire.wait_ms(waits_s * 1000)
        before = wire.caller.data
        wire.request(GET)
        wire.answer(OK)
        if delay_ms:
            wire.wait_ms(delay_ms - 1)
            assert wire.caller.data == before
            wire.wait_ms(1)
        assert wire.caller.data == before + OK
