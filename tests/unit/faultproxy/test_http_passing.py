"""HTTP without a fault: bytes pass untouched, and each request is told from the next, however they are cut."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from tests.unit.faultproxy.wire import Wire
from workbench.faultproxy.heads import HEAD_LIMIT

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
UPLOAD = b"PUT /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
HEAD = b"HEAD /h HTTP/1.1\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

Told = tuple[str, str, str, str]
"""method, path, status, end reason"""


@dataclass(frozen=True)
class Exchange:
    name: str
    requests: bytes
    answers: bytes
    told: list[Told]
    ends: str = ""
    """Who ends the connection after the last byte: "callee", "caller" or nobody."""
    unread: int = field(default=0)
    """Bytes in front of requests that belong to none."""


def got(path: str = "/a", method: str = "GET", status: str = "200", reason: str = "complete") -> Told:
    return (method, path, status, reason)


RAW = ("", "", "", "complete")

EXCHANGES = [
    Exchange("one request", GET, OK, [got()]),
    Exchange("keep-alive", GET * 3, OK * 3, [got()] * 3),
    Exchange("body with length", POST, OK, [got("/p", "POST")]),
    Exchange("chunked both ways", UPLOAD, CHUNKED, [got("/u", "PUT", "201")]),
    Exchange(
        "pipelined, all kinds",
        GET + POST + UPLOAD + HEAD + GET,
        OK + EMPTY + CHUNKED + OK[:-5] + OK,
        [got(), got("/p", "POST", "204"), got("/u", "PUT", "201"), got("/h", "HEAD"), got()],
    ),
    Exchange("HEAD has no body", HEAD * 2, OK[:-5] * 2, [got("/h", "HEAD")] * 2),
    Exchange("304 has none either", GET, b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", [got(status="304")]),
    Exchange("100 is not the answer", POST, CONTINUE * 2 + OK, [got("/p", "POST")]),
    Exchange("103 is not either", GET, b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, [got()]),
    Exchange("answer until close", GET, b"HTTP/1.1 200 OK\r\n\r\nlong", [got()], ends="callee"),
    Exchange("HTTP/1.0", b"GET /a HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nx", [got()], ends="callee"),
    Exchange("blank lines in front", b"\r\n\r\n" + GET + b"\r\n" + GET, OK * 2, [got()] * 2, unread=6),
    Exchange("upgrade", UPGRADE, SWITCH + b"\x81\x00", [got("/ws", status="101"), RAW], ends="callee"),
    Exchange("upgrade refused", UPGRADE + GET, OK + OK, [got("/ws"), got()]),
    Exchange(
        "tunnel",
        b"CONNECT h:1 HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n\x16\x03",
        [got("h:1", "CONNECT"), RAW],
        ends="callee",
    ),
    Exchange("tunnel refused", b"CONNECT h:1 HTTP/1.1\r\n\r\n", NO, [got("h:1", "CONNECT", "403")]),
    Exchange("not HTTP", b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", [RAW], ends="callee"),
    Exchange("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00\x00\x00\x04", [RAW], ends="callee"),
    Exchange("not HTTP after HTTP", GET + b"\x00\x01", OK + b"\x02", [got(), RAW], ends="callee"),
    Exchange(
        "two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", OK, [RAW], ends="callee"
    ),
    Exchange(
        "length beside chunks",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
        OK + OK,
        [RAW],
        ends="callee",
    ),
    Exchange(
        "bad chunk size",
        b"PUT /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + GET,
        OK,
        [("PUT", "/u", "", "complete")],
        ends="callee",
    ),
    Exchange("bad chunk in an answer", GET, CHUNKED[:60] + b"zz\r\n" + OK, [got(status="201")], ends="callee"),
    Exchange("answer that is not HTTP", GET, b"-ERR no\r\n", [got(status="")], ends="callee"),
]


def run(wire: Wire, exchange: Exchange, cut_requests: int | None, cut_answers: int | None) -> None:
    wire.request(exchange.requests, cut_requests)
    wire.answer(exchange.answers, cut_answers)
    assert exchange.requests == wire.callee.data
    if exchange.ends == "callee":
        wire.callee_ends()
    assert exchange.answers == wire.caller.data
    wire.caller_ends()
    wire.callee_ends()
    assert wire.is_over
    assert exchange.told == wire.told("method", "path", "status", "end_reason")
    assert len(exchange.requests) - exchange.unread == sum(int(n) for (n,) in wire.told("bytes_in"))
    assert len(exchange.answers) == sum(int(n) for (n,) in wire.told("bytes_out"))


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_whole(clock: Clockwork, exchange: Exchange) -> None:
    """All requests in one piece, all answers in one piece."""
    run(Wire(clock), exchange, None, None)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
@pytest.mark.parametrize("cut", [1, 2, 3, 7])
def test_in_small_pieces(clock: Clockwork, exchange: Exchange, cut: int) -> None:
    """Every piece ends somewhere else: in a name, a number, a line break, a body."""
    run(Wire(clock), exchange, cut, cut)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_cut_once_at_every_byte(clock: Clockwork, exchange: Exchange) -> None:
    for at in range(1, len(exchange.requests)):
        wire = Wire(clock)
        wire.request(exchange.requests[:at])
        run_rest(wire, exchange, at)


def run_rest(wire: Wire, exchange: Exchange, at: int) -> None:
    wire.request(exchange.requests[at:])
    cut = at % len(exchange.answers) or None
    wire.answer(exchange.answers[:cut])
    if cut:
        wire.answer(exchange.answers[cut:])
    if exchange.ends == "callee":
        wire.callee_ends()
    assert (exchange.requests, exchange.answers) == (wire.callee.data, wire.caller.data), at
    wire.caller_ends()
    wire.callee_ends()
    assert exchange.told == wire.told("method", "path", "status", "end_reason"), at


def test_ordinals_count_up(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(GET * 3)
    wire.again()
    wire.request(GET)
    assert wire.edge.attempts == 4
    wire.answer(OK)
    assert wire.told("ordinal") == [("3",)]


def test_times_are_those_of_first_and_last_byte(clock: Clockwork) -> None:
    wire = Wire(clock)
    start = clock.now
    wire.request(POST[:10])
    wire.wait_ms(10)
    wire.request(POST[10:])
    wire.wait_ms(10)
    wire.answer(OK[:20])
    wire.wait_ms(10)
    wire.answer(OK[20:-1])
    wire.wait_ms(10)
    wire.answer(OK[-1:])
    (row,) = wire.rows.read()
    ms = 1_000_000
    assert [int(row[name]) - start for name in ("accepted", "first_byte", "ended")] == [0, 30 * ms, 40 * ms]


def test_the_callee_is_called_for_the_first_request(clock: Clockwork) -> None:
    """A connection on which nothing comes costs the callee nothing."""
    wire = Wire(clock)
    assert not wire.dialled
    wire.request(GET[:5])
    assert not wire.dialled
    wire.request(GET[5:])
    assert wire.dialled


def test_an_undeclared_edge_calls_at_once(clock: Clockwork) -> None:
    """The callee may be the one that speaks first, as a mail server is."""
    wire = Wire(clock, protocol="auto")
    wire.answer(b"220 ready\r\n")
    wire.request(b"GET / HTTP/1.1\r\n\r\n")
    assert wire.caller.data == b"220 ready\r\n"
    assert wire.callee.data == b"GET / HTTP/1.1\r\n\r\n"
    wire.callee_ends()
    wire.caller_ends()
    assert wire.told("method", "end_reason") == [("", "complete")]


def test_a_goodbye_that_nobody_asked_for_is_no_attempt(clock: Clockwork) -> None:
    """Some servers say 408 before they close an idle connection."""
    wire = Wire(clock)
    wire.request(GET)
    wire.answer(OK)
    wire.answer(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    wire.callee_ends()
    wire.caller_ends()
    assert wire.caller.data == OK + b"HTTP/1.1 408 Request Timeout\r\n\r\n"
    assert wire.told("status") == [("200",)]


def test_a_head_beyond_the_limit_passes_as_bytes(clock: Clockwork) -> None:
    wire = Wire(clock)
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n"
    wire.request(head, 4096)
    assert head == wire.callee.data


def test_an_early_answer_does_not_stop_the_upload(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(POST[:-2])
    wire.answer(OK)
    wire.request(POST[-2:] + GET)
    wire.answer(EMPTY)
    assert wire.callee.data == POST + GET
    assert wire.told("path", "status") == [("/p", "200"), ("/a", "204")]


def test_bytes_behind_an_upgrade_wait_for_the_answer(clock: Clockwork) -> None:
    """Only the answer says whether they are the new protocol or the next request."""
    wire = Wire(clock)
    wire.request(UPGRADE + b"\x81\x01x")
    assert wire.callee.data == UPGRADE
    wire.answer(SWITCH + b"\x81\x00")
    assert wire.callee.data == UPGRADE + b"\x81\x01x"
    assert wire.caller.data == SWITCH + b"\x81\x00"


def test_requests_behind_an_upgrade_that_was_refused_early_pass(clock: Clockwork) -> None:
    """The answer came before the body had: nobody waits for it any more when the body is here."""
    wire = Wire(clock)
    upload = UPGRADE.replace(b"GET", b"POST")[:-2] + b"Content-Length: 5\r\n\r\n"
    wire.request(upload)
    wire.answer(OK)
    wire.request(b"hello")
    wire.request(GET)
    wire.answer(EMPTY)
    assert (wire.callee.data, wire.caller.data) == (upload + b"hello" + GET, OK + EMPTY)
    assert wire.told("path", "status") == [("/ws", "200"), ("/a", "204")]


def test_requests_behind_an_upgrade_whose_answer_ended_the_connection_are_none(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.fault("cut", kind="truncate", after=1)
    wire.request(UPGRADE + GET)
    wire.answer(OK)
    assert wire.is_over
    assert wire.edge.attempts == 1


def test_much_behind_an_upgrade_does_not_wait(clock: Clockwork) -> None:
    wire = Wire(clock)
    wire.request(UPGRADE)
    more = b"\x00" * (HEAD_LIMIT + 1)
    wire.request(more)
    assert wire.callee.data == UPGRADE + more
    wire.answer(SWITCH + b"x")
    wire.request(b"more")
    wire.callee_ends()
    wire.caller_ends()
    assert wire.callee.data == UPGRADE + more + b"more"
    assert wire.told("path", "end_reason", "bytes_in") == [
        ("/ws", "complete", str(len(UPGRADE))),
        ("", "complete", str(len(more) + 4)),
    ]


def test_an_unreadable_request_behind_others_leaves_them_readable(clock: Clockwork) -> None:
    """What came before is answered and told as usual; the rest is one attempt."""
    wire = Wire(clock)
    wire.request(GET + b"\x00\x01")
    wire.request(b"\x02")
    wire.answer(OK[:10])
    wire.answer(OK[10:] + b"?")
    wire.callee_ends()
    wire.caller_ends()
    assert wire.callee.data == GET + b"\x00\x01\x02"
    assert wire.told("path", "status", "bytes_in", "bytes_out") == [
        ("/a", "200", str(len(GET)), str(len(OK))),
        ("", "", "3", "1"),
    ]
