"""The rule of each class of check: from what was measured to PASS, FAIL or INCONCLUSIVE.

One place, so that no check can invent a friendlier rule. Knows neither runs nor words; see
docs/explanation/verdict.md for the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from workbench.checks.power import fewest_at_observed
from workbench.checks.statistics import bootstrap_mean, clopper_pearson, fewest_for_upper_bound
from workbench.model.verdict import Outcome

FEWEST_FOR_MEAN = 30
"""A mean of fewer values is not judged: they may all be equal, and a bootstrap would call that certainty."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from the numbers, and how many samples would decide where these do not."""

    outcome: Outcome
    interval: tuple[float, float] | None = None
    needed_n: int | None = None


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of n values with its 95 % interval. A bound that n values cannot give is None."""

    q: float
    n: int
    value: float
    low: float | None
    high: float | None


def share_at_least(good: int, total: int, target: float) -> Decision:
    """Decide whether a share is at least `target`: its exact interval wholly inside, wholly outside, or neither."""
    if total == 0:
        return Decision(Outcome.INCONCLUSIVE)
    low, high = clopper_pearson(good, total)
    if low >= target:
        return Decision(Outcome.PASS, (low, high))
    if high < target:
        return Decision(Outcome.FAIL, (low, high))
    return Decision(Outcome.INCONCLUSIVE, (low, high), fewest_at_observed(good, total, target))


def share_at_most(bad: int, total: int, limit: float) -> Decision:
    """Decide whether a share is at most `limit`."""
    mirrored = share_at_least(total - bad, total, 1 - limit)
    if mirrored.interval is None:
        return mirrored
    low, high = mirrored.interval
    return Decision(mirrored.outcome, (1 - high, 1 - low), mirrored.needed_n)


def quantile_at_most(seen: Quantile, limit: float, below: int) -> Decision:
    """Decide whether a quantile is at most `limit`; `below` of its values are."""
    interval = _bounds(seen)
    if seen.high is not None and seen.high <= limit:
        return Decision(Outcome.PASS, interval)
    if seen.low is not None and seen.low > limit:
        return Decision(Outcome.FAIL, interval)
    needed = fewest_for_upper_bound(seen.q) if seen.high is None else fewest_at_observed(below, seen.n, seen.q)
    return Decision(Outcome.INCONCLUSIVE, interval, needed)


def quantile_ratio_at_most(seen: Quantile, base: Quantile, floor: float, limit: float) -> Decision:
    """Decide whether `seen` is at most `limit` times `base`, where both count as `floor` if they are shorter.

    The interval pairs the ends that lie farthest apart, so it covers at least 95 %.
    """
    lower_part = max(seen.low, floor) if seen.low is not None else floor
    base_low = max(base.low, floor) if base.low is not None else floor
    low = lower_part / max(base.high, floor) if base.high is not None else None
    high = max(seen.high, floor) / base_low if seen.high is not None else None
    interval = (low if low is not None else 0.0, high) if high is not None else None
    if high is not None and high <= limit:
        return Decision(Outcome.PASS, interval)
    if low is not None and low > limit:
        return Decision(Outcome.FAIL, interval)
    if low is None or high is None:
        return Decision(Outcome.INCONCLUSIVE, interval, fewest_for_upper_bound(seen.q))
    distance = abs(max(seen.value, floor) / max(base.value, floor) - limit)
    # Order statistics close in with the square root of n.
    needed = ceil(min(seen.n, base.n) * ((high - low) / 2 / distance) ** 2) if distance else None
    return Decision(Outcome.INCONCLUSIVE, interval, needed)


def universal(violations: int, n: int, min_n: int) -> Decision:
    """Decide a claim without exceptions: one violation breaks it, `min_n` cases without one uphold it."""
    if violations > 0:
        return Decision(Outcome.FAIL)
    if n >= min_n:
        return Decision(Outcome.PASS)
    return Decision(Outcome.INCONCLUSIVE, needed_n=min_n)


def moment_within(low: float, high: float, limit: float) -> Decision:
    """Decide whether something that happened between `low` and `high` happened by `limit`."""
    if high <= limit:
        return Decision(Outcome.PASS, (low, high))
    if low > limit:
        return Decision(Outcome.FAIL, (low, high))
    return Decision(Outcome.INCONCLUSIVE, (low, high))


def mean_at_most(counts: Mapping[int, int], limit: float, seed: int) -> Decision:
    """Decide whether a mean is at most `limit`, from how often each value was seen."""
    n = sum(counts.values())
    if n < FEWEST_FOR_MEAN:
        return Decision(Outcome.INCONCLUSIVE, needed_n=FEWEST_FOR_MEAN)
    low, high = bootstrap_mean(counts, seed)
    if high <= limit:
        return Decision(Outcome.PASS, (low, high))
    if low > limit:
        return Decision(Outcome.FAIL, (low, high))
    distance = abs(sum(value * times for value, times in counts.items()) / n - limit)
    needed = ceil(n * ((high - low) / 2 / distance) ** 2) if distance else None
    return Decision(Outcome.INCONCLUSIVE, (low, high), needed)


def _bounds(seen: Quantile) -> tuple[float, float] | None:
    return (seen.low, seen.high) if seen.low is not None and seen.high is not None else None
