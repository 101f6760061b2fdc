"""Pipes that let bytes go in parts: sizes and gaps are kept, late timers lower no rate, lifting lets everything go."""

from __future__ import annotations

import pytest

from tests.unit.faultproxy.test_pipe import MS, Rig, rig
from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.intake import LIMIT_FOR_SMALL_PIECES
from workbench.faultproxy.stages import Always, Limit, Stage
from workbench.model.faults.actions import Delay, Pace

__all__ = ["rig"]


def every(size: int, gap_ms: float, *, body_only: bool = False) -> Pace:
    return Pace("response", lambda _: size, lambda _: round(gap_ms * MS), body_only)


def paced(rig: Rig, pace: Pace) -> Influence:
    influence = Influence()
    rig.connect()
    rig.pipe.add_stage(Stage(influence, pace))
    return influence


def test_a_part_leaves_at_once_and_the_next_one_after_the_gap(rig: Rig) -> None:
    paced(rig, every(3, 10))
    rig.pipe.send(b"abcdefgh")
    seen = [rig.out.data]
    for _ in range(3):
        rig.clock.advance_ms(9)
        seen.append(rig.out.data)
        rig.clock.advance_ms(1)
        seen.append(rig.out.data)
    assert seen == [b"abc", b"abc", b"abcdef", b"abcdef", b"abcdefgh", b"abcdefgh", b"abcdefgh"]
    assert not rig.pipe.clear, "the stage is still there"


def test_sizes_and_gaps_are_those_of_each_part(rig: Rig) -> None:
    paced(rig, Pace("response", lambda i: i + 1, lambda i: (i + 1) * MS))
    rig.pipe.send(b"abbccc")
    assert rig.out.data == b"a"
    rig.clock.advance_ms(1)
    assert rig.out.data == b"abb"
    rig.clock.advance_ms(1)
    assert rig.out.data == b"abb"
    rig.clock.advance_ms(1)
    assert rig.out.data == b"abbccc"


def test_parts_span_pieces(rig: Rig) -> None:
    """A part is of the bytes, not of what the source happened to read."""
    paced(rig, every(4, 10))
    for letter in b"abcdef":
        rig.pipe.send(bytes([letter]))
    assert rig.out.data == b"abcd"
    rig.clock.advance_ms(10)
    assert rig.out.data == b"abcdef"


def test_late_timers_lower_no_rate(rig: Rig) -> None:
    """The loop comes back 7 ms late each time, and 100 parts still take 100 gaps."""
    paced(rig, every(1, 10))
    rig.pipe.send(b"x" * 101)
    start = rig.clock.now
    while len(rig.out.data) < 101:
        timer = next(timer for timer in rig.clock.timers if not timer.cancelled)
        late_ms = 7 if timer.due_ns > rig.clock.now else 0
        rig.clock.now = max(rig.clock.now, timer.due_ns) + late_ms * MS
        rig.clock.advance_ms(0)
    assert 1000 * MS <= rig.clock.now - start <= 1008 * MS


def test_idle_time_is_not_made_up_for(rig: Rig) -> None:
    paced(rig, every(1, 10))
    rig.pipe.send(b"a")
    rig.clock.advance_ms(1000)
    rig.pipe.send(b"bcd")
    assert rig.out.data == b"ab"
    rig.clock.advance_ms(10)
    assert rig.out.data == b"abc"


def test_the_slower_of_two_paces_counts(rig: Rig) -> None:
    paced(rig, every(4, 10))
    rig.pipe.add_stage(Stage(Influence(), every(2, 20)))
    rig.pipe.send(b"aabbccdd")
    for expected in (b"aa", b"aabb", b"aabbcc"):
        assert rig.out.data == expected
        rig.clock.advance_ms(20)


def test_a_pace_behind_a_delay_begins_when_the_delay_is_over(rig: Rig) -> None:
    paced(rig, every(1, 10))
    rig.pipe.add_stage(Stage(Influence()))
    rig.pipe.add_stage(Always(Influence(), Delay(100 * MS, "response")))
    rig.pipe.send(b"abc")
    rig.clock.advance_ms(100)
    assert rig.out.data == b"a"
    rig.clock.advance_ms(10)
    assert rig.out.data == b"ab"


def test_parts_of_no_bytes_only_pass_time(rig: Rig) -> None:
    """A rate of 0 lets nothing pass, and does not keep the loop busy."""
    size = 0
    paced(rig, Pace("response", lambda _: size, lambda _: 0))
    rig.pipe.send(b"a")
    rig.clock.advance_ms(50)
    assert rig.out.data == b""
    size = 1
    rig.clock.advance_ms(2)
    assert rig.out.data == b"a"


def test_lifting_a_pace_lets_everything_go(rig: Rig) -> None:
    influence = paced(rig, every(1, 1000))
    rig.pipe.send(b"abc")
    rig.pipe.end()
    rig.clock.advance_ms(1000)
    assert rig.out.data == b"ab"
    rig.pipe.lift(influence)
    assert (rig.out.data, rig.out.ended, rig.ends) == (b"abc", True, 1)
    assert rig.clock.waiting == 0


def test_a_pace_of_one_attempt_ends_with_it(rig: Rig) -> None:
    rig.connect()
    slow, fast = rig.attempt(), rig.attempt()
    rig.pipe.pace({Influence(): every(2, 10)})
    rig.pipe.send(b"aabb", slow, "complete")
    rig.pipe.send(b"xyz", fast, "complete")
    assert rig.out.data == b"aa"
    rig.clock.advance_ms(10)
    assert rig.out.data == b"aabbxyz"
    assert (slow.delay_ns, fast.delay_ns) == (10 * MS, 0)
    assert (slow.bytes_out, fast.bytes_out) == (4, 3)
    assert rig.pipe.clear


def test_a_pace_of_bodies_lets_the_head_go(rig: Rig) -> None:
    rig.connect()
    rig.pipe.pace({Influence(): every(1, 10, body_only=True)}, head=4)
    rig.pipe.send(b"head")
    rig.clock.advance_ms(100)
    rig.pipe.send(b"body")
    assert rig.out.data == b"headb"
    rig.pipe.pace({})
    rig.pipe.send(b"next")
    rig.clock.advance_ms(30)
    assert rig.out.data == b"headbodynext"


def test_lifting_takes_a_pace_out_of_what_waits(rig: Rig) -> None:
    """Of those that are to come, too."""
    rig.connect()
    influence = Influence()
    rig.pipe.hold({Influence(): 10 * MS}, None)
    rig.pipe.pace({influence: every(1, 1000)})
    rig.pipe.send(b"abc")
    rig.pipe.lift(influence)
    rig.clock.advance_ms(10)
    assert rig.out.data == b"abc"


def test_a_source_is_paused_while_too_much_waits_for_its_pace(rig: Rig) -> None:
    paced(rig, every(1000, 1))
    rig.pipe.send(b"x" * LIMIT_FOR_SMALL_PIECES)
    assert rig.source.protocol is not None
    assert not rig.source.paused
    rig.pipe.send(b"x" * 64 * 1024)
    assert rig.source.paused
    rig.clock.advance_ms(66)
    assert not rig.source.paused


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
def test_a_limit_ends_the_connection_behind_its_last_byte(rig: Rig, cut: int) -> None:
    rig.connect()
    rig.pipe.add_stage(Limit(Influence(), 5))
    data = b"abcdefgh"
    for at in range(0, len(data), cut):
        assert rig.cuts == ([False] if at >= 5 else [])
        rig.pipe.send(data[at : at + cut])
    rig.pipe.end()
    assert (rig.out.data, rig.cuts, rig.ends) == (b"abcde", [False], 0)


def test_a_limit_that_is_reached_waits_for_what_is_paced(rig: Rig) -> None:
    """Lifting it then is too late: bytes are missing."""
    paced(rig, every(1, 10))
    limit = Influence()
    rig.pipe.add_stage(Limit(limit, 2))
    rig.pipe.send(b"abc")
    rig.pipe.lift(limit)
    rig.pipe.send(b"def")
    assert rig.cuts == []
    rig.clock.advance_ms(10)
    assert (rig.out.data, rig.cuts) == (b"ab", [False])


class LateEnd(Stage):
    __slots__ = ()

    def act_at_end(self) -> Delay:
        return Delay(50 * MS, "response")


def test_a_late_end_holds_only_the_end(rig: Rig) -> None:
    rig.connect()
    rig.pipe.add_stage(LateEnd(Influence()))
    rig.pipe.send(b"x")
    rig.pipe.end()
    rig.pipe.end()
    assert (rig.out.data, rig.out.ended) == (b"x", False)
    rig.clock.advance_ms(50)
    assert (rig.out.ended, rig.ends) == (True, 1)
