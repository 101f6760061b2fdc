"""Exact intervals for shares and quantiles, and a seeded bootstrap for means. 95 % and two-sided throughout.

Only what a verdict needs. Nothing here knows what was measured, and no interval is ever narrower than the
samples allow: where there is no bound the answer is None, not a guess.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from math import ceil, sqrt
from typing import TypeVar

from workbench.checks.beta import beta_quantile, incomplete_beta, incomplete_beta_complement

ALPHA = 0.05
"""What all intervals together may miss on both sides."""

RESAMPLES = 2_000

_ROUNDING = 1e-9  # n * q of 0.95 and 20 is 19.000000000000004 at worst

T = TypeVar("T")


def binomial_at_least(k: int, n: int, p: float) -> float:
    """Return the probability of k or more successes in n trials: I_p(k, n - k + 1), DLMF 8.17.5."""
    if k <= 0:
        return 1.0
    return 0.0 if k > n else incomplete_beta(k, n - k + 1, p)


def binomial_at_most(k: int, n: int, p: float) -> float:
    """Return the probability of k or fewer successes in n trials."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else incomplete_beta_complement(k + 1, n - k, p)


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """Return the exact interval of a share of which k in n were seen (Clopper and Pearson, Biometrika 26, 1934).

    Without samples it is the whole of 0 to 1.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    low = beta_quantile(ALPHA / 2, k, n - k + 1) if k > 0 else 0.0
    high = beta_quantile(1 - ALPHA / 2, k + 1, n - k) if k < n else 1.0
    return low, high


def quantile_rank(q: float, n: int) -> int:
    """Return which of n sorted values is the q-quantile, from 1: the least with at least q of all at or below it."""
    if n < 1 or not 0 <= q <= 1:
        raise ValueError(f"the {q}-quantile of {n} values does not exist")
    return max(1, ceil(q * n - _ROUNDING))


def inverted_cdf(values: Sequence[T], q: float) -> T:
    """Return the q-quantile of sorted values; always one that was observed."""
    return values[quantile_rank(q, len(values)) - 1]


def quantile_interval_ranks(q: float, n: int) -> tuple[int | None, int | None]:
    """Return between which two of n sorted values (from 1) the true q-quantile lies, with 95 % or more.

    Order statistics: the number of values below the true quantile is binomial(n, q) (Conover, "Practical
    Nonparametric Statistics", 3rd ed., 3.2). None where even the extreme value is no bound.
    """
    low = least(lambda rank: binomial_at_most(rank - 1, n, q) > ALPHA / 2, 1, n + 1) - 1
    high = least(lambda rank: binomial_at_least(rank, n, q) <= ALPHA / 2, 1, n + 1)
    return (low if low >= 1 else None, high if high <= n else None)


def fewest_for_upper_bound(q: float) -> int:
    """Return the least n for which the q-quantile has an upper bound: 72 for p95, 368 for p99."""
    return least(lambda n: q**n <= ALPHA / 2, 1, 1_000_000)


def bootstrap_mean(counts: Mapping[int, int], seed: int) -> tuple[float, float]:
    """Return the percentile interval of a mean, of values given with how often each was seen.

    Efron's bootstrap (1979). A resample is a draw of those frequencies from the multinomial distribution, one
    binomial after the other, so that it costs the number of different values and not the number of samples.
    """
    n = sum(counts.values())
    if n == 0:
        raise ValueError("the mean of nothing has no interval")
    rng = random.Random(f"bootstrap:{seed}")  # str seeds hash by SHA-512: the same on every machine
    means = sorted(_resampled_sum(counts, n, rng) / n for _ in range(RESAMPLES))
    return inverted_cdf(means, ALPHA / 2), inverted_cdf(means, 1 - ALPHA / 2)


def _resampled_sum(counts: Mapping[int, int], n: int, rng: random.Random) -> int:
    total, left, weight = 0, n, n
    for value, count in counts.items():
        drawn = _binomial(left, count / weight, rng)
        total += value * drawn
        left, weight = left - drawn, weight - count
        if not left or not weight:
            break
    return total


def _binomial(n: int, p: float, rng: random.Random) -> int:
    """Draw from binomial(n, p): by inversion where the mean is small, else by the rounded normal distribution."""
    if p >= 1:
        return n
    if p > 0.5:
        return n - _binomial(n, 1 - p, rng)
    if n * p > 50:
        return min(n, max(0, round(rng.gauss(n * p, sqrt(n * p * (1 - p))))))
    chance, drawn, left = (1 - p) ** n, 0, rng.random()
    while left > chance and drawn < n:
        left -= chance
        drawn += 1
        chance *= (n - drawn + 1) / drawn * p / (1 - p)
    return drawn


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number from low to high for which `holds`, where it holds from some number on; else high."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
