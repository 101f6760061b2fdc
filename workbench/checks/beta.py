"""The regularised incomplete beta function and its inverse: what exact binomial intervals are made of.

Written here because the one package that has it is larger than everything else together. Does nothing but
arithmetic; what the numbers mean is in `statistics`.
"""

from __future__ import annotations

from math import exp, lgamma, log, pi, sqrt

_TINY = 1e-300
_EPSILON = 1e-16
_MAX_TERMS = 100_000
_HALF_LOG_2PI = 0.5 * log(2 * pi)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) for a, b > 0: the probability that a Beta(a, b) number is at most x.

    Continued fraction DLMF 8.17.22 (https://dlmf.nist.gov/8.17.E22) by the modified Lentz method, taken on the
    side of the mean where it converges in O(sqrt(max(a, b))) terms.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x <= (a + 1) / (a + b + 2):
        return _lower(a, b, x, 1 - x)
    return 1 - _lower(b, a, 1 - x, x)


def incomplete_beta_complement(a: float, b: float, x: float) -> float:
    """Return 1 - I_x(a, b), exact to many digits also where that is tiny."""
    if x <= 0:
        return 1.0
    if x >= 1:
        return 0.0
    if x <= (a + 1) / (a + b + 2):
        return 1 - _lower(a, b, x, 1 - x)
    return _lower(b, a, 1 - x, x)


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = p, for 0 < p < 1: Newton's method, kept inside a bracket that bisection shrinks."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(400):
        # The smaller tail is compared, because there the difference keeps its digits.
        excess = incomplete_beta(a, b, x) - p if p <= 0.5 else (1 - p) - incomplete_beta_complement(a, b, x)
        if excess == 0:
            return x
        low, high = (low, x) if excess > 0 else (x, high)
        slope = _power_term(a, b, x, 1 - x) / (x * (1 - x))
        step = x - excess / slope if slope > _TINY else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - x) <= 4e-16 * x or following in (low, high):
            return following
        x = following
    return x


def _lower(a: float, b: float, x: float, y: float) -> float:
    """Return I_x(a, b) by its continued fraction; y is 1 - x."""
    return _power_term(a, b, x, y) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 + term * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value


def _power_term(a: float, b: float, x: float, y: float) -> float:
    """Return x^a y^b / B(a, b) without cancellation: the saddle-point form of Loader, "Fast and Accurate
    Computation of Binomial Probabilities" (2000), with n = a + b and x^a y^b n! / (a! b!) as its binomial term.
    """
    n = a + b
    exponent = _stirling_error(n) - _stirling_error(a) - _stirling_error(b) - _deviance(a, n * x) - _deviance(b, n * y)
    return sqrt(a / n * b / (2 * pi)) * exp(exponent) if exponent > -745 else 0.0


def _stirling_error(z: float) -> float:
    """Return log z! minus Stirling's formula for it."""
    if z <= 15:
        return lgamma(z + 1) - (z + 0.5) * log(z) + z - _HALF_LOG_2PI
    square = z * z
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / z


def _deviance(x: float, mean: float) -> float:
    """Return x log(x / mean) + mean - x, by its series where x is near the mean."""
    difference = x - mean
    if abs(difference) >= 0.1 * (x + mean):
        return x * log(x / mean) + mean - x
    v = difference / (x + mean)
    value, term, square = difference * v, 2 * x * v, v * v
    for k in range(3, 2001, 2):
        term *= square
        following = value + term / k
        if following == value:
            break
        value = following
    return value
