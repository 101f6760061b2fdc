"""Intervals for shares, quantiles and means: exact, and never narrower than the samples allow."""

from __future__ import annotations

import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.checks.oracle import at_least, at_most, share_interval
from workbench.checks.statistics import (
    binomial_at_least,
    binomial_at_most,
    bootstrap_mean,
    clopper_pearson,
    fewest_for_upper_bound,
    inverted_cdf,
    least,
    quantile_interval_ranks,
    quantile_rank,
)

tallies = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(tallies)
def test_clopper_pearson_agrees_with_scipy(tally: tuple[int, int]) -> None:
    k, n = tally
    assert clopper_pearson(k, n) == pytest.approx(share_interval(k, n), rel=1e-8, abs=1e-12)


@given(tallies)
def test_clopper_pearson_contains_what_was_seen(tally: tuple[int, int]) -> None:
    k, n = tally
    low, high = clopper_pearson(k, n)
    assert 0 <= low <= k / n <= high <= 1


def test_without_samples_a_share_can_be_anything() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5)])
def test_more_good_than_all_is_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        clopper_pearson(k, n)


@given(tallies, st.floats(0.001, 0.999))
def test_binomial_tails_agree_with_scipy(tally: tuple[int, int], p: float) -> None:
    k, n = tally
    assert binomial_at_most(k, n, p) == pytest.approx(at_most(k, n, p), rel=1e-8, abs=1e-100)
    assert binomial_at_least(k, n, p) == pytest.approx(at_least(k, n, p), rel=1e-8, abs=1e-100)


def test_impossible_counts_have_no_probability() -> None:
    assert binomial_at_least(11, 10, 0.5) == 0
    assert binomial_at_most(-1, 10, 0.5) == 0
    assert binomial_at_least(0, 10, 0.5) == 1
    assert binomial_at_most(10, 10, 0.5) == 1


@pytest.mark.parametrize(
    ("q", "n", "rank"), [(0.95, 20, 19), (0.95, 100, 95), (0.5, 1, 1), (0.99, 100, 99), (0.95, 1, 1), (0.0, 5, 1)]
)
def test_a_quantile_is_a_value_that_was_seen(q: float, n: int, rank: int) -> None:
    """0.95 x 20 is 19.000000000000004 in floating point; it is the 19th value nevertheless."""
    assert quantile_rank(q, n) == rank
    assert inverted_cdf(range(1, n + 1), q) == rank


@pytest.mark.parametrize(("q", "n"), [(0.5, 0), (1.5, 3), (-0.1, 3)])
def test_a_quantile_of_nothing_is_refused(q: float, n: int) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        quantile_rank(q, n)


def test_p95_has_an_upper_bound_from_72_samples_on_and_p99_from_368() -> None:
    assert fewest_for_upper_bound(0.95) == 72
    assert fewest_for_upper_bound(0.99) == 368
    assert quantile_interval_ranks(0.95, 71)[1] is None
    assert quantile_interval_ranks(0.95, 72)[1] == 72
    assert quantile_interval_ranks(0.99, 367)[1] is None
    assert quantile_interval_ranks(0.99, 368)[1] == 368


def test_a_single_value_bounds_nothing() -> None:
    assert quantile_interval_ranks(0.5, 1) == (None, None)


@given(st.floats(0.05, 0.99), st.integers(1, 5_000))
def test_the_ranks_cover_the_quantile_with_95_percent(q: float, n: int) -> None:
    """P(low <= number of values below the quantile < high) >= 95 %, by scipy's binomial distribution."""
    low, high = quantile_interval_ranks(q, n)
    missed_below = 0.0 if low is None else at_most(low - 1, n, q)
    missed_above = 0.0 if high is None else at_least(high, n, q)
    assert missed_below <= 0.025 + 1e-9
    assert missed_above <= 0.025 + 1e-9
    if low is not None and high is not None:
        assert low <= quantile_rank(q, n) <= high


@given(st.floats(0.05, 0.99), st.integers(1, 5_000))
def test_the_ranks_are_as_narrow_as_they_may_be(q: float, n: int) -> None:
    low, high = quantile_interval_ranks(q, n)
    assert at_most(low or 0, n, q) > 0.025 - 1e-9
    if high is not None and high > 1:
        assert at_least(high - 1, n, q) > 0.025 - 1e-9


def test_the_bootstrap_covers_the_true_mean_in_95_of_100_samples() -> None:
    """100 samples of 400 geometric counts with mean 1.5625: some 95 intervals hold it."""
    rng, held = random.Random(1), 0
    for i in range(100):
        counts: dict[int, int] = {}
        for _ in range(400):
            attempts = 1 + sum(1 for _ in iter(lambda: rng.random() < 0.36, False))
            counts[attempts] = counts.get(attempts, 0) + 1
        low, high = bootstrap_mean(counts, i)
        held += low <= 1 / 0.64 <= high
    assert 88 <= held <= 100


def test_the_bootstrap_agrees_with_one_that_draws_every_value() -> None:
    """Drawing frequencies gives the same interval as drawing 500 values again and again."""
    counts = {1: 350, 2: 100, 3: 50}
    values = [value for value, times in counts.items() for _ in range(times)]
    rng = random.Random(3)
    means = sorted(mean(rng.choices(values, k=500)) for _ in range(1_000))
    assert bootstrap_mean(counts, 1) == pytest.approx((means[24], means[974]), abs=0.01)


def test_the_bootstrap_is_the_same_for_the_same_seed() -> None:
    counts = {1: 90, 2: 8, 3: 2}
    assert bootstrap_mean(counts, 5) == bootstrap_mean(counts, 5)


def test_the_bootstrap_costs_no_more_for_a_million_values() -> None:
    low, high = bootstrap_mean({1: 900_000, 2: 100_000}, 1)
    assert low == pytest.approx(1.0994, abs=2e-4)
    assert high == pytest.approx(1.1006, abs=2e-4)


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        bootstrap_mean({}, 1)


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_least_finds_the_first_number_that_holds(threshold: int, high: int) -> None:
    assert least(lambda n: n >= threshold, 0, high) == min(threshold, high)
