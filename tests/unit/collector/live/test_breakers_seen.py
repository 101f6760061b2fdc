"""Breakers over time, as the services tell of them."""

from __future__ import annotations

from workbench.collector.live.breakers_seen import MOST_STRETCHES, BreakersSeen
from workbench.model.units import NS_PER_S

EDGE = "orders:payments"
ZERO = 1_000 * NS_PER_S


def seen(*values: float) -> BreakersSeen:
    breakers = BreakersSeen()
    for second, value in enumerate(values):
        breakers.told(ZERO + second * NS_PER_S, EDGE, value)
    return breakers


def test_a_stretch_is_from_a_scrape_to_the_next_one_that_says_something_else() -> None:
    """As in the report."""
    lanes, calm = seen(0, 0, 2, 2, 1, 0).lanes(ZERO, 5 * NS_PER_S, [], [])
    assert [(EDGE, [(0, 2, "closed"), (2, 4, "open"), (4, 5, "half open")])] == lanes
    assert [] == calm


def test_a_breaker_that_was_always_closed_needs_no_lane_unless_a_fault_is_about_it() -> None:
    """It is named, if its caller says that there is one."""
    assert ([], [EDGE]) == seen(0, 0).lanes(ZERO, NS_PER_S, [EDGE], [])
    assert ([], []) == seen(0, 0).lanes(ZERO, NS_PER_S, [], [])
    assert ([(EDGE, [(0, 1, "closed")])], []) == seen(0, 0).lanes(ZERO, NS_PER_S, [EDGE], [EDGE])


def test_what_was_before_the_run_and_after_it_is_cut_off() -> None:
    """The lane is as long as the run."""
    lanes, _ = seen(2, 2, 2, 2).lanes(ZERO + NS_PER_S, NS_PER_S, [], [])
    assert [(EDGE, [(0, 1, "open")])] == lanes


def test_a_breaker_that_flaps_for_hours_stays_small() -> None:
    """The oldest stretches become one, in the worse of their states."""
    lanes, _ = seen(*(second % 2 * 2 for second in range(10_000))).lanes(ZERO, 20_000 * NS_PER_S, [], [])
    ((_, stretches),) = lanes
    assert len(stretches) <= MOST_STRETCHES
    assert (0.0, "open") == (stretches[0][0], stretches[0][2])
    assert 9_999.0 == stretches[-1][1]


def test_states_are_of_now_also_after_another_run_begins() -> None:
    """The map of the system does not wait for a scrape."""
    breakers = seen(0, 2)
    breakers.forget()
    assert {EDGE: "open"} == breakers.states
    assert ([], []) == breakers.lanes(ZERO, NS_PER_S, [EDGE], [EDGE])
