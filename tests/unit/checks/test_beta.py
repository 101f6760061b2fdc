"""The incomplete beta function against scipy's, over everything that binomial intervals can ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.checks.oracle import betainc, betaincc, betaincinv
from workbench.checks.beta import beta_quantile, incomplete_beta, incomplete_beta_complement

shapes = st.floats(0.5, 1e6) | st.integers(1, 1_000_000).map(float)
inside = st.floats(1e-9, 1 - 1e-9)


@given(shapes, shapes, inside)
def test_incomplete_beta_agrees_with_scipy_to_nine_digits(a: float, b: float, x: float) -> None:
    """Over shapes up to a million samples the error is below 1e-9 relative, also far out in the tails."""
    expected = betainc(a, b, x)
    if expected > 1e-100:
        assert incomplete_beta(a, b, x) == pytest.approx(expected, rel=1e-9)


@given(shapes, shapes, inside)
def test_the_complement_keeps_its_digits_where_it_is_tiny(a: float, b: float, x: float) -> None:
    """1 - I is not computed by subtraction where that would lose digits."""
    expected = betaincc(a, b, x)
    if expected > 1e-100:
        assert incomplete_beta_complement(a, b, x) == pytest.approx(expected, rel=1e-9)


@given(shapes, shapes, st.floats(-4, 4))
def test_near_the_mean_it_agrees_with_scipy(a: float, b: float, deviations: float) -> None:
    """The mean is where the continued fraction changes sides."""
    mean = a / (a + b)
    x = mean + deviations * (mean * (1 - mean) / (a + b + 1)) ** 0.5
    if 0 < x < 1:
        assert incomplete_beta(a, b, x) == pytest.approx(betainc(a, b, x), rel=1e-9)


@given(shapes, shapes, st.sampled_from([0.025, 0.975]) | st.floats(1e-6, 1 - 1e-6))
def test_the_quantile_agrees_with_scipy_to_nine_digits(a: float, b: float, p: float) -> None:
    expected = betaincinv(a, b, p)
    if expected > 1e-200:
        assert beta_quantile(p, a, b) == pytest.approx(expected, rel=1e-9)


@given(shapes, shapes, st.floats(1e-6, 1 - 1e-6))
def test_the_quantile_undoes_the_function(a: float, b: float, p: float) -> None:
    x = beta_quantile(p, a, b)
    if 1e-200 < x < 1 - 1e-12:
        assert incomplete_beta(a, b, x) == pytest.approx(p, rel=1e-7)


@pytest.mark.parametrize(("x", "expected"), [(0.0, 0.0), (1.0, 1.0), (-1.0, 0.0), (2.0, 1.0)])
def test_outside_the_interval_it_is_0_or_1(x: float, expected: float) -> None:
    assert incomplete_beta(2, 3, x) == expected
    assert incomplete_beta_complement(2, 3, x) == 1 - expected


def test_the_uniform_distribution_is_the_identity() -> None:
    assert incomplete_beta(1, 1, 0.3) == pytest.approx(0.3, rel=1e-15)
