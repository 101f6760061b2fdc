"""Journeys of the probe in the proportions of the mix."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from workbench.loadgen.mix import in_proportion


def test_equal_weights_alternate() -> None:
    """With two journeys of equal weight neither comes twice in a row."""
    assert [0, 1] * 3 == list(islice(in_proportion([1, 1]), 6))


def test_every_journey_of_the_mix_is_probed() -> None:
    """A weight of one in ten comes once in ten."""
    assert 1 == list(islice(in_proportion([9, 1]), 10)).count(1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 300))
def test_counts_stay_close_to_their_share(weights: list[int], n: int) -> None:
    """After any number of steps a journey came as often as its share says, give or take the number of journeys."""
    drawn = list(islice(in_proportion(weights), n))
    for number, weight in enumerate(weights):
        assert abs(drawn.count(number) - n * weight / sum(weights)) <= len(weights)
