"""scipy, as an oracle for our own statistics. A development dependency: it is never imported outside tests."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import special, stats  # type: ignore[import-untyped]


def betainc(a: float, b: float, x: float) -> float:
    return float(special.betainc(a, b, x))


def betaincc(a: float, b: float, x: float) -> float:
    return float(special.betaincc(a, b, x))


def betaincinv(a: float, b: float, p: float) -> float:
    return float(special.betaincinv(a, b, p))


def at_most(k: int, n: int, p: float) -> float:
    return float(stats.binom.cdf(k, n, p))


def at_least(k: int, n: int, p: float) -> float:
    return float(stats.binom.sf(k - 1, n, p))


def exactly_one_of(ks: Sequence[int], n: int, p: float) -> float:
    return float(stats.binom.pmf(list(ks), n, p).sum())


def share_interval(k: int, n: int) -> tuple[float, float]:
    interval = stats.binomtest(k, n).proportion_ci(0.95, "exact")
    return float(interval.low), float(interval.high)
