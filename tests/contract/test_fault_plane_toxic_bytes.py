"""Each toxic on plain TCP, in both directions, on new and on open connections: the same on both servers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.integration.faultproxy.process import wait_for
from tests.integration.faultproxy.toxiproxy_routes import (
    Ends,
    Side,
    Wire,
    at_least,
    end_of,
    receive,
    rest,
    silent,
    wired,
)
from tests.integration.faultproxy.toxiproxy_servers import SERVERS, ask

SIDES: tuple[Side, ...] = ("upstream", "downstream")
OTHER: dict[Side, Side] = {"upstream": "downstream", "downstream": "upstream"}
both_ways = pytest.mark.parametrize("side", SIDES)

HARMLESS = {
    "latency": {"latency": 1, "jitter": 1},
    "bandwidth": {"rate": 10_000},
    "slow_close": {"delay": 50},
    "slicer": {"average_size": 100, "size_variation": 10, "delay": 10},
    "limit_data": {"bytes": 10**9},
    "noop": {},
}
"""Toxics that let everything through, sooner or later."""


@pytest.fixture(params=SERVERS, scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    with SERVERS[request.param]() as port:
        yield request.param, port


@pytest.fixture
def wire(running: tuple[str, int]) -> Iterator[Wire]:
    with wired(running[1]) as wire:
        yield wire


@pytest.fixture
def ends(wire: Wire) -> Iterator[Ends]:
    """A connection that was open before any toxic, and worked."""
    ends = wire.connect()
    assert ends.passes("upstream")
    assert ends.passes("downstream")
    yield ends
    ends.caller.close()
    ends.callee.close()


@both_ways
def test_bandwidth_is_a_rate(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("bandwidth", side, rate=100)
    data = bytes(range(250)) * 200
    sender, receiver = ends.along(side)
    with at_least(0.4):
        sender.sendall(data)
        assert receive(receiver, len(data)) == data
    assert ends.passes(OTHER[side])


@both_ways
def test_bandwidth_zero_lets_nothing_through_until_it_is_changed(wire: Wire, side: Side) -> None:
    wire.put_on("bandwidth", side, rate=0)
    ends = wire.connect()
    sender, receiver = ends.along(side)
    sender.sendall(b"hello")
    assert silent(receiver)
    wire.change("bandwidth", side, rate=1000)
    assert receive(receiver, 5) == b"hello"


@both_ways
def test_bandwidth_that_is_taken_off_lets_what_waits_go(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("bandwidth", side, rate=1)
    sender, receiver = ends.along(side)
    sender.sendall(b"x" * 60_000)
    wire.take_off("bandwidth", side)
    assert receive(receiver, 60_000) == b"x" * 60_000


@both_ways
def test_slow_close_delays_the_end_and_nothing_else(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("slow_close", side, delay=200)
    sender, receiver = ends.along(side)
    assert ends.passes(side)
    assert ends.passes(OTHER[side])
    with at_least(0.19):
        sender.close()
        assert rest(receiver) == b""


@both_ways
def test_timeout_swallows_one_direction(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("timeout", side, timeout=0)
    sender, receiver = ends.along(side)
    sender.sendall(b"lost")
    assert silent(receiver)
    assert ends.passes(OTHER[side])
    wire.take_off("timeout", side)
    assert end_of(receiver) == "closed"
    assert end_of(sender) in ("closed", "reset")


@both_ways
def test_timeout_counts_idle_time(wire: Wire, ends: Ends, side: Side) -> None:
    with at_least(0.1):
        wire.put_on("timeout", side, timeout=100)
        assert end_of(ends.along(side)[1]) == "closed"


@both_ways
@pytest.mark.parametrize("timeout", [0, 100])
def test_reset_peer_resets_both_once_something_comes(wire: Wire, side: Side, timeout: int) -> None:
    """New connections: a real RST. What came is not passed on."""
    wire.put_on("reset_peer", side, timeout=timeout)
    ends = wire.connect()
    assert ends.passes(OTHER[side])
    sender, receiver = ends.along(side)
    with at_least(timeout / 1000):
        sender.sendall(b"lost")
        assert end_of(receiver) == "reset"
        assert end_of(sender) == "reset"


@both_ways
def test_reset_peer_meets_open_connections(running: tuple[str, int], wire: Wire, ends: Ends, side: Side) -> None:
    """A difference on purpose: the real server ends those by FIN, the built-in plane by RST."""
    wire.put_on("reset_peer", side, timeout=0)
    sender, receiver = ends.along(side)
    sender.sendall(b"lost")
    assert end_of(receiver) == ("reset" if running[0] == "built-in" else "closed")


@both_ways
def test_slicer_cuts_into_packets(wire: Wire, ends: Ends, side: Side) -> None:
    """No more of them has come than there was time for, however late it is looked."""
    delay_s, longest = 0.01, 12
    wire.put_on("slicer", side, average_size=10, size_variation=2, delay=round(delay_s * 1e6))
    sender, receiver = ends.along(side)
    data, came = bytes(range(100)), b""
    with at_least(0.05):
        began = time.monotonic()
        sender.sendall(data)
        while len(came) < len(data):
            came += receiver.recv(len(data))
            assert len(came) <= longest * (1 + (time.monotonic() - began) / delay_s)
    assert came == data


@both_ways
@pytest.mark.parametrize("sent", [100, 250])
def test_limit_data_closes_at_the_byte(wire: Wire, ends: Ends, side: Side, sent: int) -> None:
    """It counts from when it met the connection."""
    wire.put_on("limit_data", side, bytes=100)
    sender, receiver = ends.along(side)
    data = bytes(range(250))
    sender.sendall(data[:60])
    assert receive(receiver, 60) == data[:60]
    sender.sendall(data[60:sent])
    assert rest(receiver) == data[60:100]
    assert end_of(sender) in ("closed", "reset")


@both_ways
def test_limit_data_keeps_its_count_when_it_is_changed(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("limit_data", side, bytes=10)
    assert ends.passes(side, b"12345")
    wire.change("limit_data", side, bytes=12)
    sender, receiver = ends.along(side)
    sender.sendall(b"6789012345")
    assert rest(receiver) == b"6789012"


@both_ways
def test_limit_data_of_nothing_closes_at_the_first_byte(wire: Wire, side: Side) -> None:
    wire.put_on("limit_data", side, bytes=0)
    ends = wire.connect()
    assert ends.passes(OTHER[side])
    sender, receiver = ends.along(side)
    sender.sendall(b"x")
    assert rest(receiver) == b""


@both_ways
def test_delays_add_up(wire: Wire, ends: Ends, side: Side) -> None:
    wire.put_on("latency", side, latency=60)
    wire.put_on("bandwidth", side, rate=100)
    sender, receiver = ends.along(side)
    with at_least(0.05 + 0.06):
        sender.sendall(b"x" * 8000)
        assert len(receive(receiver, 8000)) == 8000


@both_ways
@pytest.mark.parametrize("kind", HARMLESS)
def test_each_toxic_comes_and_goes_while_bytes_pass(wire: Wire, ends: Ends, kind: str, side: Side) -> None:
    data = bytes(range(256)) * 20
    wire.put_on(kind, side, **HARMLESS[kind])
    assert ends.passes(side, data)
    assert ends.passes(OTHER[side], data)
    wire.change(kind, side, **HARMLESS[kind])
    assert ends.passes(side, data)
    wire.take_off(kind, side)
    assert ends.passes(side, data)
    wire.put_on(kind, side, **HARMLESS[kind])
    assert ask(wire.server, "POST", "/reset").status == 204
    assert ends.passes(side, data)


def test_all_of_them_at_once(wire: Wire, ends: Ends) -> None:
    for kind, attributes in HARMLESS.items():
        for side in SIDES:
            wire.put_on(kind, side, **attributes)
    data = bytes(range(256)) * 4
    assert ends.passes("upstream", data)
    assert ends.passes("downstream", data)
    again = wire.connect()
    assert again.passes("upstream", data)
    assert again.passes("downstream", data)


def test_toxicity_is_a_part_of_the_connections(wire: Wire) -> None:
    wire.put_on("limit_data", "downstream", toxicity=0.5, bytes=0)
    hit = 0
    for _ in range(60):
        ends = wire.connect()
        ends.callee.sendall(b"hello")
        hit += receive(ends.caller, 5) != b"hello"
        ends.caller.close()
        ends.callee.close()
    assert 5 < hit < 55


def test_a_connection_that_is_over_is_forgotten(wire: Wire, ends: Ends) -> None:
    """Nothing waits for it when a toxic goes."""
    wire.put_on("latency", "downstream", latency=100)
    wire.put_on("timeout", "upstream", timeout=60_000)
    ends.caller.close()
    wait_for("the callee sees the end", lambda: ends.callee.recv(10) == b"")
    wire.take_off("latency", "downstream")
    wire.take_off("timeout", "upstream")
