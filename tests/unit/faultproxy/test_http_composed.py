"""Several faults on one request: what is altered is truncated, what is truncated is paced; who is lost is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_http_altered import BODY, REST, WITHOUT_ID, altered, answer, chunked
from tests.unit.faultproxy.test_http_lost import CLOSED, DROPPED, LATE, REPLACED, bad_gateway
from tests.unit.faultproxy.test_http_passing import GET, OK, POST
from tests.unit.faultproxy.wire import Wire
from workbench.faultproxy.altering import LIMIT

CUT: dict[str, Any] = {"kind": "truncate", "after": 4}
DRIP: dict[str, Any] = {"kind": "slow_drip", "chunk": 10, "every": "10ms"}


@pytest.mark.parametrize("given", [answer(BODY), answer(chunked(BODY), "Transfer-Encoding: chunked")])
@pytest.mark.parametrize("order", [("cut", "bad"), ("bad", "cut")])
def test_what_is_altered_is_truncated(clock: Clockwork, given: bytes, order: tuple[str, str]) -> None:
    """Whichever was declared first: the bytes that are counted are those that the caller would get."""
    wire = Wire(clock)
    for fault_id in order:
        wire.fault(fault_id, **{"cut": CUT, "bad": WITHOUT_ID}[fault_id])
    wire.request(GET)
    wire.answer(given)
    assert wire.caller.data == altered(REST)[: -len(REST) + 4]
    assert wire.is_over
    assert wire.told("end_reason") == [("cut",)]


def test_what_could_not_be_altered_is_truncated_too(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("bad", **WITHOUT_ID)
    wire.fault("cut", **CUT)
    wire.request(GET)
    given = answer(chunked(b"x" * LIMIT, b"y" * 9), "Transfer-Encoding: chunked")
    wire.answer(given, 60_000)
    assert wire.caller.data == given[: given.index(b"\r\n\r\n") + 8]
    assert wire.is_over


def test_what_is_altered_keeps_its_pace(clock: Clockwork) -> None:
    """The head passes at once, as long as it is now."""
    wire = Wire(clock)
    wire.fault("bad", **WITHOUT_ID)
    wire.fault("drip", **DRIP)
    wire.request(GET)
    wire.answer(answer(chunked(BODY), "Transfer-Encoding: chunked"))
    assert wire.caller.data == altered(REST)[: -len(REST) + 10]
    wire.wait_ms(9)
    assert wire.caller.data == altered(REST)[: -len(REST) + 10]
    wire.wait_ms(1)
    assert wire.caller.data == altered(REST)
    assert wire.told("end_reason", "faults") == [("altered", "bad drip")]


def test_the_pace_of_one_answer_is_not_that_of_the_next(clock: Clockwork) -> None:
    wire = Wire(clock)
    for fault_id, fields in (("bad", WITHOUT_ID), ("drip", DRIP), ("lost", REPLACED)):
        wire.fault(fault_id, match={"path": "/a"}, **fields)
    wire.request(GET + POST)
    wire.answer(answer(BODY))
    wire.wait_ms(1_000)
    assert wire.caller.data == bad_gateway()
    wire.answer(OK)
    assert wire.caller.data == bad_gateway() + OK


@pytest.mark.parametrize("fields", [REPLACED, CLOSED, DROPPED])
def test_a_lost_answer_is_not_altered(clock: Clockwork, fields: dict[str, Any]) -> None:
    wire = Wire(clock)
    wire.fault("bad", **WITHOUT_ID)
    wire.fault("lost", **fields)
    wire.request(GET)
    wire.answer(answer(chunked(BODY), "Transfer-Encoding: chunked"), 1)
    assert wire.caller.data == (bad_gateway() if fields is REPLACED else b"")


def test_an_answer_in_place_of_a_lost_one_is_truncated(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("cut", **CUT)
    wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.answer(answer(chunked(BODY), "Transfer-Encoding: chunked"), 1)
    head = bad_gateway().index(b"\r\n\r\n") + 4
    assert wire.caller.data == bad_gateway()[: head + 4]
    assert wire.is_over


def test_a_lost_answer_may_be_unreadable_where_another_fault_truncates(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("cut", **CUT)
    wire.fault("lost", **DROPPED)
    wire.request(GET)
    wire.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
    assert wire.caller.data == b""
    assert not wire.is_over


@pytest.mark.parametrize("first", ["bad", "cut"])
def test_taken_off_one_after_the_other(clock: Clockwork, first: str) -> None:
    """What was kept for both passes when neither needs it."""
    wire = Wire(clock)
    faults = {"bad": wire.fault("bad", **WITHOUT_ID), "cut": wire.fault("cut", **CUT)}
    wire.request(GET)
    given = answer(BODY)
    wire.answer(given[:-3])
    assert wire.caller.data == b""
    wire.lift(faults.pop(first))
    wire.lift(next(iter(faults.values())))
    if first == "bad":
        # Four bytes of the body had passed when the truncation was lifted: by then the connection was over.
        assert wire.is_over
        return
    wire.answer(given[-3:])
    assert wire.caller.data == given


def test_a_request_waits_for_its_place_then_for_its_delay_and_its_answer_is_lost(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("busy", kind="brownout", concurrent=1, service_time="10ms")
    wire.fault("late", **LATE)
    lost = wire.fault("lost", **REPLACED)
    wire.request(GET)
    wire.wait_ms(10)
    wire.answer(OK)
    wire.wait_ms(100)
    assert wire.caller.data == bad_gateway()
    assert wire.told("decisions", "delay_ns") == [("busy=0+ late=0+ lost=0+", "110000000")]
    assert lost.state().delay_ns == 110_000_000
    wire.request(GET)
    wire.wait_ms(10)
    assert wire.callee.data == GET + GET, "the place is free again"
