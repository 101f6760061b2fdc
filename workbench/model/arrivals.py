"""The schedule of arrivals: seeded, computed before the run, the same on every machine."""

from __future__ import annotations

import hashlib
import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

from workbench.model.load import Load, RatePoint
from workbench.model.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class Schedule:
    """Intended starts in ns since run zero, ascending, and for each the index of its journey in `journeys`."""

    journeys: tuple[str, ...]
    intended: array[int]
    journey: array[int]

    def __len__(self) -> int:
        return len(self.intended)

    def digest(self) -> str:
        """Return a short hash: equal schedules have equal digests."""
        content = hashlib.sha256("|".join(self.journeys).encode())
        for start, journey in zip(self.intended, self.journey, strict=True):
            content.update(b"%d,%d;" % (start, journey))
        return content.hexdigest()[:16]

    def count(self, start_ns: int, end_ns: int, journey: str | None = None) -> int:
        """Count arrivals with start_ns <= intended < end_ns."""
        first, beyond = bisect_left(self.intended, start_ns), bisect_left(self.intended, end_ns)
        if journey is None:
            return beyond - first
        return self.journey[first:beyond].count(self.journeys.index(journey))


def schedule(load: Load, horizon_ns: int, seed: int) -> Schedule:
    """Compute all arrivals in [0, horizon_ns).

    Poisson arrivals of a varying rate come from unit-rate arrivals by the inverse of the cumulative rate
    (Cinlar 1975, time rescaling); `uniform` puts them one apart on that scale.
    """
    rng = random.Random(f"arrivals:{seed}")  # str seeds hash by SHA-512: the same on every machine
    steps = _unit_steps(load.arrivals.distribution, rng)
    names = tuple(sorted(load.mix))
    weights = [load.mix[name] for name in names]
    intended, journey = array("q"), array("h")
    for start in _rescaled(load.arrivals.points(), steps, horizon_ns):
        intended.append(start)
        journey.append(rng.choices(range(len(names)), weights)[0])
    return Schedule(names, intended, journey)


def expected_count(load: Load, horizon_ns: int) -> float:
    """Return how many arrivals to expect in [0, horizon_ns): the integral of the rate."""
    segments = _segments(load.arrivals.points(), horizon_ns)
    return sum((first + last) / 2 * (end_ns - start_ns) / NS_PER_S for start_ns, end_ns, first, last in segments)


def _unit_steps(distribution: Literal["poisson", "uniform"], rng: random.Random) -> Iterator[float]:
    while True:
        yield rng.expovariate(1.0) if distribution == "poisson" else 1.0


def _rescaled(points: list[RatePoint], steps: Iterator[float], horizon_ns: int) -> Iterator[int]:
    """Yield times in ns at which the cumulative rate reaches the running sum of `steps`."""
    missing = next(steps)
    for start_ns, end_ns, first, last in _segments(points, horizon_ns):
        length = (end_ns - start_ns) / NS_PER_S
        slope = (last - first) / length
        area = (first + last) / 2 * length
        done = 0.0  # cumulative rate already used up in this segment
        while missing <= area - done:
            done += missing
            # first * t + slope * t^2 / 2 = done, the root that stays stable for slope -> 0
            offset = 2 * done / (first + sqrt(max(first * first + 2 * slope * done, 0.0)))
            yield start_ns + min(round(offset * NS_PER_S), end_ns - start_ns - 1)
            missing = next(steps)
        missing -= area - done


def _segments(points: list[RatePoint], horizon_ns: int) -> Iterator[tuple[int, int, float, float]]:
    """Yield (start, end, rate at start, rate at end); the last rate holds to the horizon."""
    for left, right in pairwise(points):
        if left.at >= horizon_ns:
            return
        if right.at > left.at:
            end = min(int(right.at), horizon_ns)
            part = (end - left.at) / (right.at - left.at)
            yield int(left.at), end, float(left.rate), left.rate + (right.rate - left.rate) * part
    if points[-1].at < horizon_ns:
        yield int(points[-1].at), horizon_ns, float(points[-1].rate), float(points[-1].rate)
