"""Numbers: requests, connections, and the requests of each key, in bounded memory."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.test_deciding import NOW, fault, head
from tests.unit.faultproxy.test_http_passing import GET, OK
from tests.unit.faultproxy.wire import Wire
from workbench.faultproxy.deciding import decide
from workbench.faultproxy.numbering import KeyCounts, key_of
from workbench.model.faults.eligibility import Key
from workbench.model.faults.seeded import is_hit

TRACES = ["0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c"]


def traced(number: int) -> str:
    return f"traceparent: 00-{TRACES[number]}-b7ad6b7169203331-01"


# -- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ({"by": "edge"}, ["0/0+", "1/1-", "2/2-", "3/3-", "4/4-", "5/5-"]),
        ({"by": "path"}, ["0/0+", "1/1-", "2/0+", "3/2-", "4/1-", "5/0+"]),
        ({"by": "trace"}, ["0/0+", "1/0+", "2/1-", "3/1-", "4/2-", "5/0+"]),
        ({"by": "header", "header": "X-Key"}, ["0/0+", "1/1-", "2/0+", "3/1-", "4/2-", "5/3-"]),
    ],
)
def test_requests_are_counted_by_their_key(by: dict[str, Any], expected: list[str]) -> None:
    """Those that lack the key are one key of their own."""
    active = fault("ff", kind="fail_first", count=1, per=by, min_evidence=1)
    requests = [
        head("GET /a?x=1 HTTP/1.1", "x-key: 1", traced(0)),
        head("POST /a HTTP/1.1", "x-key: 1", traced(1)),
        head("GET /b HTTP/1.1", "x-key: 2", traced(0)),
        head("GET /a HTTP/1.1", "X-Key: 2", traced(1)),
        head("GET /b HTTP/1.1", "x-key: 2", traced(0)),
        head("GET /c HTTP/1.1", "x-key: 2"),
    ]
    assert [f"ff={mark}" for mark in expected] == [decide([active], request, NOW).decisions for request in requests]
    assert active.state().counts.hit == sum(mark.endswith("+") for mark in expected)


def test_who_has_no_header_is_one_key() -> None:
    by = Key(by="header", header="x-key")
    assert key_of(by, head()) == key_of(by, head("POST /b HTTP/1.1")) == ""
    assert key_of(Key(by="trace"), head()) == key_of(Key(), None) == ""


def test_every_nth_is_the_last_of_each_n() -> None:
    active = fault("third", kind="every_nth", n=3, per={"by": "path"})
    paths = "aababbabaabb"
    hits = [bool(decide([active], head(f"GET /{path} HTTP/1.1"), NOW).faults) for path in paths]
    for path in "ab":
        assert [hit for hit, of in zip(hits, paths, strict=True) if of == path] == [False, False, True] * 2


def test_a_share_of_counted_requests_is_drawn_by_ordinal() -> None:
    active = fault("third", kind="every_nth", n=3, share=0.5)
    hits = [i for i in range(300) if decide([active], head(), NOW).faults]
    assert hits == [i for i in range(300) if i % 3 == 2 and is_hit(7, "third", i, 0.5)]


def test_a_canary_is_hit_and_counts_for_no_key() -> None:
    active = fault("ff", kind="fail_first", count=1, min_evidence=1)
    assert decide([active], head(), NOW, canary=True).decisions == "ff=-1+"
    assert decide([active], head(), NOW).decisions == "ff=0/0+"
    assert decide([active], head(), NOW, canary=True).decisions == "ff=-1+"


def test_the_key_that_was_not_seen_for_longest_is_forgotten_first() -> None:
    counts = KeyCounts(limit=2)
    assert [counts.take(key) for key in ("a", "b", "a", "c", "a", "b")] == [0, 0, 1, 0, 2, 0]


# -- connections ------------------------------------------------------------------------------------------------


def test_all_requests_of_a_hit_connection_are_hit(clock: Clockwork) -> None:
    """The number is the connection's among those that met the fault; the counts are of requests."""
    hits = [is_hit(1, "err", i, 0.5) for i in range(8)]
    assert 0 < sum(hits) < 8
    wire = Wire(clock)
    fault_on = wire.fault("err", kind="http_status", status=503, connection_share=0.5, match={"path": "/a"})
    for number, hit in enumerate(hits):
        if number:
            wire.again()
        wire.request(b"GET /other HTTP/1.1\r\n\r\n")
        wire.answer(OK)
        for _ in range(3):
            before = len(wire.callee.data)
            wire.request(GET)
            assert (len(wire.callee.data) == before) is hit
            if not hit:
                wire.answer(OK)
        wire.caller_ends()
    marks = [(f"err={number}{'+' if hit else '-'}",) for number, hit in enumerate(hits) for _ in range(3)]
    assert marks == [told for told in wire.told("decisions") if told != ("",)]
    counts = fault_on.state().counts
    assert (counts.eligible, counts.hit) == (24, 3 * sum(hits))


def test_connections_without_requests_are_numbered_alike(clock: Clockwork) -> None:
    """Whether they were there before the fault or not."""
    wire = Wire(clock, "tcp")
    wire.fault("hole", kind="blackhole", connection_share=0.5)
    for _ in range(7):
        wire.again()
    for connection in tuple(wire.edge.connections):
        connection.cut()
    hits = [is_hit(1, "hole", i, 0.5) for i in range(8)]
    assert sorted(wire.told("decisions")) == [(f"hole={i}{'+' if hit else '-'}",) for i, hit in enumerate(hits)]


def test_connections_that_are_over_are_forgotten(clock: Clockwork) -> None:
    wire = Wire(clock)
    active = wire.fault("late", kind="latency", delay="1ms", connection_share=0.5)
    for _ in range(5):
        wire.request(GET)
        wire.caller_breaks()
        wire.again()
    gc.collect()
    assert len(active.numbers._by_connection) <= 1
    assert active.numbers._connections == 5
