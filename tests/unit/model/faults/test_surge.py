"""F21 surge: arrivals on top of the usual ones, which stay where they were."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.arrivals import Burst, expected_count, schedule
from workbench.model.faults.surge import Surge
from workbench.model.load import Load
from workbench.model.units import NS_PER_S

END = 100 * NS_PER_S


def load(**arrivals: Any) -> Load:
    return Load.model_validate({"mix": {"browse": 3, "checkout": 1}, "arrivals": arrivals or {"rate": "40/s"}})


def surge(**fields: Any) -> Surge:
    return Surge.model_validate({"id": "crowd", **fields})


def burst(start_s: float, end_s: float, **fields: Any) -> Burst:
    return Burst("crowd", round(start_s * NS_PER_S), round(end_s * NS_PER_S), **fields)


def test_the_usual_arrivals_are_the_same_with_and_without_it() -> None:
    usual = schedule(load(), END, 7)
    with_it = schedule(load(), END, 7, [burst(20, 40, factor=3)])
    extra = Counter(zip(with_it.intended, with_it.journey, strict=True))
    extra.subtract(zip(usual.intended, usual.journey, strict=True))
    assert min(extra.values()) == 0
    assert {20 <= at / NS_PER_S < 40 for (at, _), n in extra.items() if n} == {True}


@pytest.mark.parametrize("distribution", ["poisson", "uniform"])
def test_the_factor_holds_between_its_start_and_its_end(distribution: str) -> None:
    users = load(rate="40/s", distribution=distribution)
    planned = schedule(users, END, 7, [burst(20, 70, factor=3)])
    inside = planned.count(20 * NS_PER_S, 70 * NS_PER_S)
    assert abs(inside - 6000) < 5 * 6000**0.5
    assert abs(expected_count(users, END, [burst(20, 70, factor=3)]) - 40 * (50 + 150)) < 1e-6
    assert abs(expected_count(users, 70 * NS_PER_S, [burst(20, 70, factor=3)], from_ns=20 * NS_PER_S) - 6000) < 1e-6


def test_a_ramp_grows_evenly_up_to_the_factor() -> None:
    planned = schedule(load(), END, 7, [burst(20, 60, factor=5, ramp=True)])
    first, last = (planned.count(at * NS_PER_S, (at + 10) * NS_PER_S) for at in (20, 50))
    assert abs(first - 400 * 1.5) < 5 * 600**0.5  # from 1 to 2 times the usual
    assert abs(last - 400 * 4.5) < 5 * 1800**0.5
    assert abs(expected_count(load(), END, [burst(20, 60, factor=5, ramp=True)]) - 40 * (100 + 80)) < 1e-6


def test_it_follows_a_rate_that_changes() -> None:
    ramped = load(profile=[{"at": "0s", "rate": "10/s"}, {"at": "100s", "rate": "110/s"}])
    assert abs(expected_count(ramped, END, [burst(40, 60, factor=2)]) - (6000 + 1200)) < 1e-6
    growing = [burst(40, 60, factor=2, ramp=True)]
    # The integral of (10 + t) * (t - 40) / 20 from 40 to 60; drawn through ten chords it is a little more.
    assert abs(expected_count(ramped, END, growing) - (6000 + 633.33)) < 2


def test_a_herd_comes_at_one_moment() -> None:
    planned = schedule(load(), END, 7, [burst(30, 60, at_once=50)])
    assert planned.intended.count(30 * NS_PER_S) == 50
    assert len(planned) == len(schedule(load(), END, 7)) + 50
    assert expected_count(load(), END, [burst(30, 60, at_once=50)]) == expected_count(load(), END) + 50


def test_the_same_seed_gives_the_same_surge_and_another_another() -> None:
    def made(seed: int) -> str:
        return schedule(load(), END, seed, [burst(20, 40, factor=3, at_once=5)]).digest()

    assert made(7) == made(7) != made(8)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "give `factor` or `at_once`"),
        ({"factor": 1}, "greater than 1"),
        ({"at_once": 0}, "greater than or equal to 1"),
        ({"factor": 2, "schedule": {"period": "2s"}}, "`period` is for faults on edges"),
    ],
)
def test_what_would_change_nothing_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        surge(**fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"factor": 3}, "grows to 3 times the usual"),
        ({"factor": 2.5, "shape": "ramp"}, "grows evenly to 2.5 times the usual"),
        ({"at_once": 40}, "has a herd of 40 at once"),
        ({"factor": 2, "at_once": 40}, "grows to 2 times the usual and has a herd of 40 at once"),
    ],
)
def test_it_says_what_it_does(fields: dict[str, Any], says: str) -> None:
    assert surge(**fields).describe() == says
    assert surge(**fields).target == "load"
