"""Ages by stamps of wall time, on clocks that jump."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_services.chassis.ages import Ages
from tests.unit.shop.clocks import FakeClock


class Clocks:
    def __init__(self) -> None:
        self.wall, self.monotonic = FakeClock(), FakeClock()
        self.ages = Ages(lambda: int(self.wall() * 1e9), lambda: int(self.monotonic() * 1e9))

    def live(self, seconds: float) -> None:
        self.wall.forward(seconds)
        self.monotonic.forward(seconds)

    def stamp(self) -> int:
        return int(self.wall() * 1e9)

    def age_s(self, stamp: int) -> float:
        return self.ages.of(stamp) / 1e9


def test_without_jumps_age_is_the_time_that_passed() -> None:
    clocks = Clocks()
    stamp = clocks.stamp()
    clocks.live(700)
    assert clocks.age_s(stamp) == 700


def test_a_jump_forward_makes_nothing_older() -> None:
    """Neither what was there before it, nor what came after it; two jumps are taken out both."""
    clocks = Clocks()
    before = clocks.stamp()
    clocks.live(10)
    clocks.wall.forward(3600)
    assert clocks.age_s(before) == 10
    between = clocks.stamp()
    clocks.live(10)
    clocks.wall.forward(7200)
    clocks.live(10)
    assert (clocks.age_s(before), clocks.age_s(between)) == (30, 20)
    after = clocks.stamp()
    clocks.live(5)
    assert clocks.age_s(after) == 5


def test_a_jump_that_is_put_right_is_forgotten() -> None:
    """What was stamped meanwhile lies in the future and is merely young."""
    clocks = Clocks()
    before = clocks.stamp()
    clocks.wall.forward(3600)
    assert clocks.age_s(before) == 0
    meanwhile = clocks.stamp()
    clocks.wall.forward(-3600)
    clocks.live(60)
    assert clocks.age_s(before) == 60
    assert clocks.age_s(meanwhile) < 0


def test_a_clock_that_is_merely_corrected_does_not_jump() -> None:
    clocks = Clocks()
    stamp = clocks.stamp()
    for _ in range(100):
        clocks.live(10)
        clocks.wall.forward(0.005)
        clocks.ages.of(stamp)
    assert clocks.age_s(stamp) == 1000.5


def test_a_stamp_of_an_age_is_never_too_late() -> None:
    """Whatever is older by stamp is older by age: 100 s of life, and an hour that jumped."""
    clocks = Clocks()
    stamp = clocks.stamp()
    clocks.wall.forward(3600)
    clocks.live(100)
    assert clocks.ages.stamp_of(int(101e9)) < stamp
    assert clocks.ages.stamp_of(int(100e9)) == stamp


def test_a_stamp_of_an_age_forgets_what_jumped_longer_ago() -> None:
    """A jump keeps nobody waiting that came after it."""
    clocks = Clocks()
    clocks.wall.forward(3600)
    clocks.ages.of(0)
    clocks.live(100)
    stamp = clocks.stamp()
    clocks.live(10)
    assert clocks.ages.stamp_of(int(10e9)) == stamp


@given(
    lives=st.lists(st.tuples(st.integers(0, 1000), st.integers(2, 1000)), max_size=6),
    stamped_s=st.integers(0, 10_000),
    age_s=st.integers(0, 3000),
)
def test_whatever_is_older_by_stamp_is_older_by_age(lives: list[tuple[int, int]], stamped_s: int, age_s: int) -> None:
    """Whenever clocks jumped, and however far."""
    clocks = Clocks()
    first = clocks.stamp()
    for lived_s, ahead_s in lives:
        clocks.live(lived_s)
        clocks.wall.forward(ahead_s)
        clocks.ages.of(0)
    stamp = first - 2000 * 10**9 + stamped_s * 10**9
    if stamp < clocks.ages.stamp_of(age_s * 10**9):
        assert clocks.age_s(stamp) >= age_s
