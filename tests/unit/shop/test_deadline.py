from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import NEVER, Deadline
from tests.unit.shop.clocks import FakeClock


def test_remaining_time_runs_down_and_below_zero() -> None:
    """A deadline of 2 s has 0.5 s left after 1.5 s, and has passed after 3 s."""
    clock = FakeClock()
    deadline = Deadline.after(2, clock)
    clock.forward(1.5)
    assert deadline.remaining_s() == pytest.approx(0.5)
    assert not deadline.has_passed()
    clock.forward(1.5)
    assert deadline.remaining_s() == pytest.approx(-1)
    assert deadline.has_passed()


def test_what_a_hop_costs_is_no_time_for_a_callee() -> None:
    """With 6 ms left there is something to be done here, and nothing behind a hop of 5 ms."""
    clock = FakeClock()
    deadline = Deadline.after(1, clock)
    assert not deadline.has_passed_beyond_a_hop()
    clock.forward(0.994)
    assert not deadline.has_passed()
    assert deadline.has_passed_beyond_a_hop()


def test_a_deadline_cannot_be_loosened_from_inside() -> None:
    """The tighter of two nested deadlines holds, whichever is applied first."""
    clock = FakeClock()
    with deadlines.apply(Deadline.after(1, clock)):
        with deadlines.apply(Deadline.after(60, clock)):
            assert deadlines.current.get().remaining_s() < 2
        with deadlines.apply(Deadline.after(0.1, clock)):
            assert deadlines.current.get().remaining_s() < 0.2
        assert deadlines.current.get().remaining_s() > 0.2
    assert deadlines.current.get() is NEVER


def test_time_can_be_kept_back_for_what_comes_afterwards() -> None:
    """`earlier_by` leaves seconds for answering; of an infinite time nothing has to be kept."""
    clock = FakeClock()
    assert Deadline.after(2, clock).earlier_by(0.3).remaining_s() == pytest.approx(1.7)
    assert math.isinf(NEVER.earlier_by(5).remaining_s())


@given(st.floats(0, 100_000))
def test_a_hop_never_passes_on_more_than_it_has(seconds: float) -> None:
    """What is read on the other side is at most what was there, less the cost of the hop."""
    received = deadlines.from_header(deadlines.to_header(seconds))
    assert received is not None
    assert 0 <= received <= max(0, seconds - deadlines.HOP_COST_S) + 1e-9


@pytest.mark.parametrize("garbage", [None, "", "-5", "soon", "1e3", "\u0661\u0662", "9" * 12, "1.5"])
def test_garbage_is_no_deadline(garbage: str | None) -> None:
    """A caller that says nothing intelligible is treated as one that says nothing."""
    assert deadlines.from_header(garbage) is None
