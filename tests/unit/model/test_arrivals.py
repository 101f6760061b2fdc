"""The schedule of arrivals: as many as the integral of the rate says, in order, and the same on every machine."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.model.arrivals import Schedule, expected_count, schedule
from workbench.model.load import Load
from workbench.model.units import NS_PER_S


def load(arrivals: dict[str, Any], **mix: float) -> Load:
    return Load.model_validate({"mix": mix or {"browse": 1}, "arrivals": arrivals})


@st.composite
def profiles(draw: st.DrawFn) -> list[dict[str, str]]:
    """Ramps, jumps and flat parts."""
    times = sorted(draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=6)))
    rates = draw(st.lists(st.integers(1, 50), min_size=len(times), max_size=len(times)))
    return [{"at": f"{at}ms", "rate": f"{rate}/s"} for at, rate in zip([0, *times[1:]], rates, strict=True)]


def integral(profile: list[dict[str, str]], until_s: float) -> float:
    """Add the rate up in small steps: another way than the product's."""
    points = [(float(p["at"][:-2]) / 1000, float(p["rate"][:-2])) for p in profile]

    def area(upto: float, left: tuple[float, float], right: tuple[float, float]) -> float:
        end = min(upto, right[0])
        if end <= left[0]:
            return 0.0
        at_end = left[1] + (right[1] - left[1]) * (end - left[0]) / (right[0] - left[0])
        return (left[1] + at_end) / 2 * (end - left[0])

    ramps = sum(area(until_s, left, right) for left, right in pairwise(points))
    return ramps + max(until_s - points[-1][0], 0) * points[-1][1]


@given(profile=profiles(), horizon_ms=st.integers(1, 30_000), seed=st.integers(0, 2**32))
def test_even_arrivals_follow_the_integral_of_the_rate_at_every_moment(
    profile: list[dict[str, str]], horizon_ms: int, seed: int
) -> None:
    """Not only in the end: arrival number n comes where the integral reaches n."""
    users = load({"profile": profile, "distribution": "uniform"})
    planned = schedule(users, horizon_ms * 1_000_000, seed)
    assert pytest.approx(integral(profile, horizon_ms / 1000), abs=1e-6) == expected_count(
        users, horizon_ms * 1_000_000
    )
    assert abs(len(planned) - integral(profile, horizon_ms / 1000)) <= 1.001
    for number, at_ns in enumerate(planned.intended, start=1):
        assert abs(integral(profile, at_ns / NS_PER_S) - number) < 1e-3


@given(profile=profiles(), horizon_ms=st.integers(1, 30_000), seed=st.integers(0, 2**32))
def test_random_arrivals_are_in_order_within_the_horizon_and_repeatable(
    profile: list[dict[str, str]], horizon_ms: int, seed: int
) -> None:
    users = load({"profile": profile}, browse=1, checkout=2)
    horizon_ns = horizon_ms * 1_000_000
    planned = schedule(users, horizon_ns, seed)
    assert list(planned.intended) == sorted(planned.intended)
    assert all(0 <= at_ns < horizon_ns for at_ns in planned.intended)
    assert planned.digest() == schedule(users, horizon_ns, seed).digest()
    assert (
        len(planned)
        == planned.count(0, horizon_ns)
        == sum(planned.count(0, horizon_ns, journey) for journey in ("browse", "checkout"))
    )


def test_random_arrivals_are_as_many_as_the_rate_says_and_as_irregular() -> None:
    """Poisson: the gaps have the mean 1/rate, and so has their deviation. Six standard errors leave no chance."""
    planned = schedule(load({"rate": "50/s"}), 400 * NS_PER_S, 11)
    assert abs(len(planned) - 20_000) < 6 * sqrt(20_000)
    gaps = [(b - a) / NS_PER_S for a, b in pairwise(planned.intended)]
    mean = sum(gaps) / len(gaps)
    deviation = sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert pytest.approx(0.02, rel=0.05) == mean
    assert pytest.approx(0.02, rel=0.06) == deviation


def test_journeys_come_as_their_weights_say() -> None:
    planned = schedule(load({"rate": "100/s"}, browse=3, checkout=1), 100 * NS_PER_S, 5)
    share = planned.count(0, 100 * NS_PER_S, "browse") / len(planned)
    assert abs(share - 0.75) < 6 * sqrt(0.75 * 0.25 / len(planned))


def test_a_schedule_is_the_same_on_every_machine() -> None:
    """A changed digest means that runs of before can no longer be repeated: say so in the changelog."""
    planned = schedule(load({"rate": "20/s"}, browse=1, checkout=1), 10 * NS_PER_S, 7)
    assert (202, "0a084fdd7fa14f82") == (len(planned), planned.digest())


def test_another_seed_gives_another_schedule() -> None:
    users = load({"rate": "20/s"})
    assert schedule(users, 10 * NS_PER_S, 1).digest() != schedule(users, 10 * NS_PER_S, 2).digest()


def test_the_order_of_the_mix_in_the_file_makes_no_difference() -> None:
    one, other = (load({"rate": "20/s"}, **mix) for mix in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert schedule(one, NS_PER_S, 1).digest() == schedule(other, NS_PER_S, 1).digest()


def test_counting_takes_the_start_in_and_leaves_the_end_out() -> None:
    planned = Schedule(("a",), schedule(load({"rate": "1/s", "distribution": "uniform"}), 5 * NS_PER_S, 1).intended, [])  # type: ignore[arg-type]
    assert [NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S, 4 * NS_PER_S] == [round(at, -3) for at in planned.intended][:4]
    first = planned.intended[0]
    assert (1, 0) == (planned.count(first, first + 1), planned.count(first + 1, first + 1))
