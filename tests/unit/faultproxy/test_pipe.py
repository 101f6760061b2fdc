"""Pipes: order is kept, nothing leaves before its time, and the source is paused when too much waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.faultproxy.clockwork import Clockwork, Transport
from workbench.faultproxy import pipe as pipe_module
from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.intake import LIMIT_FOR_LARGE_PIECES, LIMIT_FOR_SMALL_PIECES
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.stages import Always
from workbench.model.faults.actions import Delay, Swallow

MS = 1_000_000


class Rig:
    def __init__(self) -> None:
        self.clock = Clockwork()
        self.needs = 0
        self.ends = 0
        self.cuts: list[bool] = []
        self.out = Transport()
        self.source = Transport()
        self.pipe = Pipe(self.clock.as_loop(), on_need=self.need, on_end=self.end, on_cut=self.cuts.append)
        self.pipe.feed_from(self.source.as_transport())

    def need(self) -> None:
        self.needs += 1

    def end(self) -> None:
        self.ends += 1

    def connect(self) -> None:
        self.pipe.connect(self.out.as_transport())

    def attempt(self) -> Attempt:
        return Attempt("a:b", 0, None, self.clock.now, None)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig()
    monkeypatch.setattr(pipe_module, "monotonic_ns", rig.clock.monotonic_ns)
    yield rig
    rig.pipe.kill()
    assert rig.clock.waiting == 0, "a dead pipe keeps no timer"


def test_bytes_wait_for_the_transport(rig: Rig) -> None:
    """The first byte asks for a transport; all come out in order once it is there."""
    assert rig.needs == 0
    rig.pipe.send(b"one ")
    rig.pipe.send(b"two")
    assert rig.needs >= 1
    assert not rig.pipe.clear
    rig.connect()
    assert rig.out.data == b"one two"
    assert rig.pipe.clear


def test_a_hold_delays_what_comes_behind_it(rig: Rig) -> None:
    rig.connect()
    attempt = rig.attempt()
    rig.pipe.send(b"before ")
    rig.pipe.hold({Influence(): 50 * MS}, attempt)
    rig.pipe.send(b"behind", attempt, "complete")
    rig.clock.advance_ms(49)
    assert rig.out.data == b"before "
    assert attempt.reason is None
    rig.clock.advance_ms(2)
    assert rig.out.data == b"before behind"
    assert attempt.reason == "complete"
    assert attempt.delay_ns == 50 * MS
    assert attempt.bytes_out == 6
    assert rig.pipe.clear


def test_holds_of_several_influences_add_up(rig: Rig) -> None:
    rig.connect()
    rig.pipe.hold({Influence(): 30 * MS, Influence(): 20 * MS}, None)
    rig.pipe.send(b"x")
    rig.clock.advance_ms(49)
    assert rig.out.data == b""
    rig.clock.advance_ms(1)
    assert rig.out.data == b"x"


def test_lifting_one_influence_takes_its_share_of_a_hold(rig: Rig) -> None:
    """What only the lifted one held leaves at once."""
    rig.connect()
    first, second = Influence(), Influence()
    rig.pipe.hold({first: 1000 * MS, second: 20 * MS}, None)
    rig.pipe.send(b"x")
    rig.pipe.lift(first)
    assert rig.out.data == b""
    rig.clock.advance_ms(20)
    assert rig.out.data == b"x"


def test_no_transport_is_asked_for_before_a_hold_is_over(rig: Rig) -> None:
    """Whether the callee is there is found out when the request is due, not when it came."""
    rig.pipe.hold({Influence(): 10 * MS}, None)
    rig.pipe.send(b"x")
    assert rig.needs == 0
    rig.clock.advance_ms(10)
    assert rig.needs == 1


def test_a_delaying_stage_delays_each_piece_from_its_own_arrival(rig: Rig) -> None:
    """Latency, not bandwidth: a piece that comes 5 ms later leaves 5 ms later."""
    rig.connect()
    rig.pipe.add_stage(Always(Influence(), Delay(10 * MS, "response")))
    rig.pipe.send(b"a")
    rig.clock.advance_ms(5)
    rig.pipe.send(b"b")
    rig.clock.advance_ms(5)
    assert rig.out.data == b"a"
    rig.clock.advance_ms(5)
    assert rig.out.data == b"ab"


def test_a_swallowing_stage_takes_bytes_and_the_end(rig: Rig) -> None:
    rig.connect()
    attempt = rig.attempt()
    rig.pipe.add_stage(Always(Influence(), Swallow()))
    rig.pipe.send(b"x", attempt, "complete")
    rig.pipe.end()
    assert rig.out.data == b""
    assert not rig.out.ended
    assert attempt.reason is None, "who got nothing is not complete"


def test_a_lifted_stage_is_gone(rig: Rig) -> None:
    rig.connect()
    influence = Influence()
    rig.pipe.add_stage(Always(influence, Delay(10 * MS, "response")))
    assert not rig.pipe.clear
    rig.pipe.lift(influence)
    assert rig.pipe.clear


def test_the_end_comes_behind_what_is_held(rig: Rig) -> None:
    rig.connect()
    rig.pipe.hold({Influence(): 10 * MS}, None)
    rig.pipe.send(b"x")
    rig.pipe.end()
    rig.pipe.end()
    assert not rig.out.ended
    rig.clock.advance_ms(10)
    assert (rig.out.data, rig.out.ended, rig.ends) == (b"x", True, 1)


def test_a_source_is_paused_while_the_transport_is_blocked(rig: Rig) -> None:
    rig.connect()
    rig.pipe.block()
    assert rig.source.paused
    rig.pipe.unblock()
    assert not rig.source.paused


@pytest.mark.parametrize("how", ["hold", "stage"])
def test_a_source_is_paused_while_too_much_is_held(rig: Rig, how: str) -> None:
    """Behind a hold next to nothing is read; where each piece is delayed on its own, several small ones are."""
    rig.connect()
    if how == "hold":
        limit = LIMIT_FOR_LARGE_PIECES
        rig.pipe.hold({Influence(): 10 * MS}, None)
    else:
        limit = LIMIT_FOR_SMALL_PIECES
        rig.pipe.add_stage(Always(Influence(), Delay(10 * MS, "response")))
    assert rig.source.protocol is None, "a connection that is not used costs nothing"
    rig.pipe.send(b"x" * limit)
    assert (rig.source.protocol is not None) is (how == "stage")
    assert not rig.source.paused
    rig.pipe.send(b"x")
    assert rig.source.paused
    rig.clock.advance_ms(10)
    assert not rig.source.paused


def test_a_dead_pipe_takes_nothing(rig: Rig) -> None:
    rig.connect()
    rig.pipe.hold({Influence(): 10 * MS}, None)
    rig.pipe.send(b"x")
    rig.pipe.kill()
    rig.pipe.send(b"y")
    rig.pipe.end()
    rig.clock.advance_ms(20)
    assert (rig.out.data, rig.out.ended) == (b"", False)
