"""The schedule of arrivals: seeded, computed before the run, the same on every machine."""

from __future__ import annotations

import hashlib
import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

from workbench.model.load import Load, RatePoint
from workbench.model.units import NS_PER_S, Duration, Rate


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


@dataclass(frozen=True, slots=True)
class Burst:
    """Arrivals on top of the usual ones, from `start_ns` to `end_ns`: so many at once, then so many times as often."""

    name: str
    start_ns: int
    end_ns: int
    factor: float = 1.0
    ramp: bool = False
    """The factor grows evenly from 1 at the start."""
    at_once: int = 0


def schedule(load: Load, horizon_ns: int, seed: int, bursts: Sequence[Burst] = ()) -> Schedule:
    """Compute all arrivals in [0, horizon_ns). The usual ones are the same with and without bursts.

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
    extra = [arrival for burst in bursts for arrival in _extra(load, burst, horizon_ns, seed, weights)]
    if extra:
        merged = sorted([*zip(intended, journey, strict=True), *extra], key=lambda arrival: arrival[0])
        intended, journey = array("q", (start for start, _ in merged)), array("h", (kind for _, kind in merged))
    return Schedule(names, intended, journey)


def _extra(load: Load, burst: Burst, horizon_ns: int, seed: int, weights: list[float]) -> Iterator[tuple[int, int]]:
    """Yield a burst's own arrivals with the indices of their journeys: a process of its own beside the usual one."""
    rng = random.Random(f"burst:{burst.name}:{seed}")
    steps = _unit_steps(load.arrivals.distribution, rng)
    for _ in range(burst.at_once if burst.start_ns < horizon_ns else 0):
        yield burst.start_ns, rng.choices(range(len(weights)), weights)[0]
    for start in _rescaled(_extra_points(load.arrivals.points(), burst), steps, horizon_ns):
        yield start, rng.choices(range(len(weights)), weights)[0]


def _extra_points(points: list[RatePoint], burst: Burst) -> list[RatePoint]:
    """Return the rate on top of the usual one: (factor - 1) times that, within the burst only.

    A ramp on a rate that changes is bent; it is drawn through points a tenth of the burst apart.
    """

    def point(at_ns: int, rate: float) -> RatePoint:
        return RatePoint(at=Duration(at_ns), rate=Rate(rate))

    length = burst.end_ns - burst.start_ns
    cuts = {burst.start_ns + length * i // 10 for i in range(11)} if burst.ramp else {burst.start_ns, burst.end_ns}
    found = [point(0, 0), point(burst.start_ns, 0)]
    for start, end, first, last in _segments(points, burst.end_ns):
        if end <= burst.start_ns:
            continue
        bounds = sorted({max(start, burst.start_ns), end} | {cut for cut in cuts if start < cut < end})
        for at in bounds:
            usual = first + (last - first) * (at - start) / (end - start)
            grown = (at - burst.start_ns) / length if burst.ramp else 1.0
            found.append(point(at, usual * (burst.factor - 1) * grown))
    return [*found, point(burst.end_ns, 0)]


def expected_count(load: Load, horizon_ns: int, bursts: Sequence[Burst] = (), *, from_ns: int = 0) -> float:
    """Return how many arrivals to expect in [from_ns, horizon_ns): the integral of the rate, and what comes at once."""
    rates = [load.arrivals.points(), *(_extra_points(load.arrivals.points(), burst) for burst in bursts)]
    at_once = sum(burst.at_once for burst in bursts if from_ns <= burst.start_ns < horizon_ns)
    return at_once + sum(_area(points, horizon_ns) - _area(points, from_ns) for points in rates)


def _area(points: list[RatePoint], until_ns: int) -> float:
    """Return the integral of a rate over [0, until_ns)."""
    segments = _segments(points, until_ns)
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
