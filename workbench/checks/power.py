"""How many samples decide whether a share is in its limit, and how likely a given number is to decide it.

Exact: binomial tails, no approximation. Knows numbers only; what a plan offers is in `estimates`.
"""

from __future__ import annotations

from math import ceil

from workbench.checks.statistics import ALPHA, binomial_at_least, binomial_at_most, least

REQUIRED = 0.999
"""Below this probability of a decided result a plan is refused."""

MOST = 10_000_000
"""Where more samples than this would be needed, no number is named."""


def deciding_counts(n: int, target: float) -> tuple[int, int]:
    """Return (f, p): f or fewer good ones of n lie wholly below the target, p or more wholly inside it.

    -1 and n + 1 stand for "no number does". By the duality of Clopper-Pearson intervals and binomial tails.
    """
    inside = least(lambda k: binomial_at_least(k, n, target) <= ALPHA / 2, 0, n + 1)
    outside = least(lambda k: binomial_at_most(k, n, target) >= ALPHA / 2, 0, n) - 1
    return outside, inside


def probability_decided(n: int, target: float, expected: float) -> float:
    """Return the probability that n samples decide whether a share is at least `target`, if it is `expected`."""
    if n <= 0:
        return 0.0
    outside, inside = deciding_counts(n, target)
    return min(1.0, binomial_at_least(inside, n, expected) + binomial_at_most(outside, n, expected))


def fewest_samples(target: float, expected: float, probability: float = REQUIRED) -> int | None:
    """Return the fewest samples that decide a share with that probability, or None where 10 million do not.

    The probability goes up in teeth as n grows; the number returned also holds for the tooth behind it.
    """
    if target == expected:
        return None
    high = 1
    while probability_decided(high, target, expected) < probability:
        high *= 2
        if high > MOST:
            return None
    n = least(lambda m: probability_decided(m, target, expected) >= probability, high // 2, high)
    tooth = min(ceil(1 / min(max(1 - target, 1e-6), max(target, 1e-6))) + 1, 2_000)
    while late := [m for m in range(n, n + tooth) if probability_decided(m, target, expected) < probability]:
        n = late[-1] + 1
    return n


def fewest_at_observed(good: int, total: int, target: float) -> int | None:
    """Return how many samples would decide, if the share stays what it was seen to be; None if none would."""
    if total <= 0 or good == target * total:
        return None

    def decides(n: int) -> bool:
        scaled = round(good / total * n)
        inside = binomial_at_least(scaled, n, target) <= ALPHA / 2
        return inside or binomial_at_most(scaled, n, target) < ALPHA / 2

    n = least(decides, total, MOST + 1)
    return n if n <= MOST else None
