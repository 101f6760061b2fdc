"""How many samples decide, and how likely a number of them is to decide."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.checks.oracle import exactly_one_of
from workbench.checks.deciding import share_at_least
from workbench.checks.power import (
    REQUIRED,
    deciding_counts,
    fewest_at_observed,
    fewest_samples,
    probability_decided,
)
from workbench.checks.statistics import clopper_pearson
from workbench.model.verdict import Outcome

targets = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])


@given(st.integers(1, 3_000), targets)
def test_deciding_counts_are_where_the_interval_crosses_the_target(n: int, target: float) -> None:
    """The shortcut by binomial tails says the same as the intervals themselves, on both sides of both counts."""
    outside, inside = deciding_counts(n, target)
    for good in {outside, outside + 1, inside - 1, inside} & set(range(n + 1)):
        expected = Outcome.FAIL if good <= outside else Outcome.PASS if good >= inside else Outcome.INCONCLUSIVE
        assert share_at_least(good, n, target).outcome is expected


@given(st.integers(1, 150), targets, st.floats(0.5, 1))
def test_the_probability_is_the_sum_over_all_outcomes(n: int, target: float, expected: float) -> None:
    intervals = [clopper_pearson(k, n) for k in range(n + 1)]
    decided = [k for k, (low, high) in enumerate(intervals) if low >= target or high < target]
    assert probability_decided(n, target, expected) == pytest.approx(exactly_one_of(decided, n, expected), abs=1e-9)


def test_a_simulation_agrees_with_the_probability() -> None:
    rng = random.Random(1)
    decided = sum(
        share_at_least(sum(rng.random() < 0.98 for _ in range(200)), 200, 0.95).outcome is not Outcome.INCONCLUSIVE
        for _ in range(500)
    )
    assert decided / 500 == pytest.approx(probability_decided(200, 0.95, 0.98), abs=0.07)


def test_a_million_samples_are_no_harder() -> None:
    assert probability_decided(1_000_000, 0.95, 0.951) == pytest.approx(0.99595, abs=1e-4)


def test_no_samples_decide_nothing() -> None:
    assert probability_decided(0, 0.95, 0.999) == 0


@given(st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([0.995, 0.999, 1.0]))
def test_the_fewest_samples_are_enough_and_one_less_is_not(target: float, expected: float) -> None:
    n = fewest_samples(target, expected)
    assert n is not None
    assert probability_decided(n, target, expected) >= REQUIRED
    assert probability_decided(n - 1, target, expected) < REQUIRED


@pytest.mark.parametrize(("target", "expected"), [(0.95, 0.99), (0.8, 0.98), (0.9, 0.995)])
def test_more_than_the_fewest_samples_are_enough_too(target: float, expected: float) -> None:
    """The probability goes up in teeth: 390 samples decide 95 % at an expected 99 %, and 400 do not."""
    n = fewest_samples(target, expected)
    assert n is not None
    assert all(probability_decided(n + more, target, expected) >= REQUIRED for more in range(200))


def test_what_is_expected_at_the_target_itself_cannot_be_decided() -> None:
    assert fewest_samples(0.95, 0.95) is None
    assert fewest_samples(0.95, 0.9500001) is None


@given(st.integers(1, 500), st.integers(0, 500), targets)
def test_the_needed_number_decides_if_the_share_stays(total: int, good: int, target: float) -> None:
    good = min(good, total)
    needed = fewest_at_observed(good, total, target)
    assume(needed is not None)
    assert needed is not None
    assert needed >= total
    scaled = round(good / total * needed)
    assert share_at_least(scaled, needed, target).outcome is not Outcome.INCONCLUSIVE


def test_a_share_that_is_exactly_the_target_needs_more_than_any_number() -> None:
    assert fewest_at_observed(95, 100, 0.95) is None
    assert fewest_at_observed(0, 0, 0.95) is None
