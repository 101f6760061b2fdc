"""The rules of the classes: pass, fail, undecided, and exactly on the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.checks.deciding import (
    FEWEST_FOR_MEAN,
    Quantile,
    mean_at_most,
    moment_within,
    quantile_at_most,
    quantile_ratio_at_most,
    share_at_least,
    share_at_most,
    universal,
)
from workbench.model.verdict import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def p95(n: int, value: float, low: float | None, high: float | None) -> Quantile:
    return Quantile(0.95, n, value, low, high)


# -- shares -------------------------------------------------------------------------------------------


def test_72_of_72_are_the_fewest_that_show_95_percent() -> None:
    assert share_at_least(72, 72, 0.95).outcome is PASS
    undecided = share_at_least(71, 71, 0.95)
    assert undecided.outcome is INCONCLUSIVE
    assert undecided.needed_n == 72


def test_a_share_wholly_below_its_target_fails() -> None:
    assert share_at_least(85, 100, 0.95).outcome is FAIL


def test_a_share_above_its_target_is_undecided_while_the_interval_reaches_below() -> None:
    decision = share_at_least(97, 100, 0.95)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n is not None
    assert decision.needed_n > 100


def test_no_samples_are_no_share() -> None:
    decision = share_at_least(0, 0, 0.95)
    assert decision.outcome is INCONCLUSIVE
    assert decision.interval is None


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.01, 0.05, 0.3]))
def test_at_most_is_the_mirror_of_at_least(bad: int, good: int, limit: float) -> None:
    total = bad + good
    assert share_at_most(bad, total, limit).outcome is share_at_least(good, total, 1 - limit).outcome


@given(st.integers(1, 400), st.integers(0, 400), st.floats(0.01, 0.99))
def test_one_more_good_journey_never_makes_a_verdict_worse(total: int, good: int, target: float) -> None:
    order = [FAIL, INCONCLUSIVE, PASS]
    good = min(good, total - 1)
    worse, better = share_at_least(good, total, target), share_at_least(good + 1, total, target)
    assert order.index(better.outcome) >= order.index(worse.outcome)


# -- quantiles ----------------------------------------------------------------------------------------


def test_a_quantile_on_its_limit_passes() -> None:
    assert quantile_at_most(p95(100, 90, 80, 100), 100, 97).outcome is PASS


def test_a_quantile_whose_lower_bound_is_above_the_limit_fails() -> None:
    assert quantile_at_most(p95(100, 150, 101, 200), 100, 80).outcome is FAIL


def test_a_quantile_whose_interval_holds_the_limit_is_undecided() -> None:
    decision = quantile_at_most(p95(100, 95, 90, 101), 100, 96)
    assert decision.outcome is INCONCLUSIVE
    assert decision.interval == (90, 101)
    assert decision.needed_n is not None


def test_a_quantile_without_an_upper_bound_needs_72_samples() -> None:
    decision = quantile_at_most(p95(50, 10, 5, None), 100, 50)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n == 72


def test_a_quantile_without_an_upper_bound_can_fail_already() -> None:
    assert quantile_at_most(p95(50, 500, 300, None), 100, 10).outcome is FAIL


# -- ratios of quantiles ------------------------------------------------------------------------------


def test_a_quantile_ratio_on_its_limit_passes() -> None:
    base, seen = p95(200, 100, 100, 110), p95(200, 190, 180, 200)
    assert quantile_ratio_at_most(seen, base, 50, 2.0).outcome is PASS


def test_a_quantile_ratio_wholly_above_its_limit_fails() -> None:
    base, seen = p95(200, 100, 90, 110), p95(200, 300, 221, 400)
    assert quantile_ratio_at_most(seen, base, 50, 2.0).outcome is FAIL


def test_a_quantile_ratio_whose_interval_holds_the_limit_is_undecided() -> None:
    base, seen = p95(200, 100, 90, 110), p95(200, 190, 180, 240)
    decision = quantile_ratio_at_most(seen, base, 50, 2.0)
    assert decision.outcome is INCONCLUSIVE
    assert decision.interval == (180 / 110, 240 / 90)
    assert decision.needed_n is not None


def test_times_below_the_floor_count_as_equal() -> None:
    base, seen = p95(200, 2, 1, 3), p95(200, 40, 30, 49)
    decision = quantile_ratio_at_most(seen, base, 50, 2.0)
    assert decision.outcome is PASS
    assert decision.interval == (1.0, 1.0)


def test_a_short_baseline_cannot_fail_anybody() -> None:
    """Without an upper bound of the baseline nothing shows that the fault phase is slower."""
    decision = quantile_ratio_at_most(p95(200, 900, 800, 1000), p95(50, 100, 90, None), 50, 2.0)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n == 72


# -- without exceptions -------------------------------------------------------------------------------


def test_one_violation_is_enough() -> None:
    assert universal(1, 1, 10).outcome is FAIL
    assert universal(1, 1_000_000, 10).outcome is FAIL


def test_enough_cases_without_a_violation_pass() -> None:
    assert universal(0, 10, 10).outcome is PASS


def test_too_few_cases_without_a_violation_are_undecided() -> None:
    decision = universal(0, 9, 10)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n == 10


# -- moments ------------------------------------------------------------------------------------------


def test_a_moment_on_its_limit_is_in_time() -> None:
    assert moment_within(90, 100, 100).outcome is PASS


def test_a_moment_whose_resolution_holds_the_limit_is_undecided() -> None:
    assert moment_within(99, 101, 100).outcome is INCONCLUSIVE
    assert moment_within(100, 101, 100).outcome is INCONCLUSIVE


def test_a_moment_after_its_limit_fails() -> None:
    assert moment_within(101, 105, 100).outcome is FAIL


# -- means --------------------------------------------------------------------------------------------


def test_a_mean_wholly_below_its_limit_passes() -> None:
    assert mean_at_most({1: 90, 2: 10}, 2.0, 1).outcome is PASS


def test_a_mean_wholly_above_its_limit_fails() -> None:
    assert mean_at_most({2: 50, 3: 50}, 2.0, 1).outcome is FAIL


def test_a_mean_near_its_limit_is_undecided() -> None:
    decision = mean_at_most({1: 50, 3: 48}, 2.0, 1)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n is not None
    assert decision.needed_n > 98


def test_equal_values_are_no_certainty_if_they_are_few() -> None:
    """All calls made one attempt: a bootstrap of three of them would have no width at all."""
    decision = mean_at_most({1: FEWEST_FOR_MEAN - 1}, 2.0, 1)
    assert decision.outcome is INCONCLUSIVE
    assert decision.needed_n == FEWEST_FOR_MEAN
    assert mean_at_most({1: FEWEST_FOR_MEAN}, 2.0, 1).outcome is PASS
