"""F1 latency: how late, and whether that was felt."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.latency import Latency
from workbench.model.faults.seeded import Draw
from workbench.model.units import NS_PER_MS, NS_PER_S

MS = NS_PER_MS
SHAPES = ("uniform", "normal", "pareto")


def fault(**fields: Any) -> Latency:
    return Latency.model_validate({"id": "f", "edge": "a:b", "delay": "100ms"} | fields)


def delays(n: int = 4000, **fields: Any) -> list[float]:
    """Return the delays of the first requests in ms."""
    declared = fault(**fields)
    return [declared.action(Draw(1, "f", ordinal)).ns / MS for ordinal in range(n)]


def test_without_jitter_every_delay_is_the_same() -> None:
    assert delays(20) == [100.0] * 20
    assert {Ability.NETWORK} == fault().abilities_needed()


@pytest.mark.parametrize("shape", SHAPES)
def test_delays_have_the_mean_and_their_bounds(shape: str) -> None:
    seen = delays(jitter="20ms", distribution=shape)
    assert abs(statistics.mean(seen) - 100) < 2
    assert len(set(seen)) > 0.9 * len(seen)
    low, high = {"uniform": (80, 120), "normal": (20, 180), "pareto": (100 - 40 / 3, 180)}[shape]
    assert low <= min(seen)
    assert max(seen) <= high


def test_normal_delays_have_the_jitter_as_standard_deviation() -> None:
    seen = delays(jitter="20ms", distribution="normal")
    assert abs(statistics.stdev(seen) - 20) < 1
    assert abs(sum(abs(delay - 100) < 20 for delay in seen) / len(seen) - 0.683) < 0.03


def test_pareto_delays_have_a_heavy_tail() -> None:
    """Half of them are shorter than the mean by 0.3 jitters and more; the longest are 4 jitters above it."""
    seen = sorted(delays(jitter="20ms", distribution="pareto"))
    quantile = 100 + 20 * (0.5 ** (-1 / 3) - 1.5) * 4 / 3
    assert abs(seen[2000] - quantile) < 0.5
    assert seen[-1] == 180
    assert 20 <= sum(delay > 150 for delay in seen)


@pytest.mark.parametrize("shape", ["normal", "pareto"])
def test_no_delay_is_negative(shape: str) -> None:
    seen = delays(jitter="100ms", distribution=shape)
    assert 0 <= min(seen)
    assert max(seen) <= 500
    assert (shape == "normal") is (min(seen) == 0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("uniform", [98_009_503, 93_556_101, 115_634_921, 116_729_995]),
        ("normal", [57_140_863, 163_589_079, 99_119_785, 46_462_861]),
        ("pareto", [86_266_823, 100_845_955, 97_148_081, 117_609_828]),
    ],
)
def test_they_are_the_same_on_every_platform(shape: str, expected: list[int]) -> None:
    """To the nanosecond: a run that is repeated elsewhere meets the same delays."""
    declared = fault(jitter="30ms", distribution=shape)
    assert [declared.action(Draw(7, "slow", ordinal)).ns for ordinal in range(4)] == expected


def test_a_ramp_grows_evenly() -> None:
    declared = fault(ramp="10s")
    seen = [declared.action(Draw(1, "f", 0, after_ns=s * NS_PER_S)).ns / MS for s in (-1, 0, 1, 5, 10, 20)]
    assert seen == [0, 0, 10, 50, 100, 100]


@pytest.mark.parametrize(
    "fields",
    [{"delay": "0s"}, {"jitter": "101ms"}, {"distribution": "normal"}, {"distribution": "cauchy", "jitter": "1ms"}],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


@pytest.mark.parametrize(
    ("lasted", "delayed", "timeout", "felt"),
    [
        (80, 0, None, True),  # nobody says what was added: what was asked for counts
        (79, 0, None, False),
        (40, 0, 50, True),
        (39, 0, 50, False),
        (64, 80, None, True),
        (63, 80, None, False),
        (60, 10, None, False),  # the plane cannot have added so little
    ],
)
def test_it_was_felt_by_whoever_waited(lasted: int, delayed: int, timeout: int | None, *, felt: bool) -> None:
    attempt = HitAttempt(lasted * MS, 200, "complete", delay_ns=delayed * MS)
    assert felt is fault(jitter="20ms").felt(attempt, None if timeout is None else timeout * MS)


@pytest.mark.parametrize(("after_s", "lasted", "felt"), [(1, 8, True), (1, 7, False), (5, 40, True), (20, 79, False)])
def test_on_a_ramp_less_has_to_be_felt(after_s: int, lasted: int, *, felt: bool) -> None:
    assert felt is fault(ramp="10s").felt(HitAttempt(lasted * MS, 200, "complete", after_s * NS_PER_S), None)


def test_it_says_what_it_does() -> None:
    assert "answers 100ms late" == fault().describe()
    assert "hears 100ms ± 5ms late (10% of requests)" == fault(side="request", jitter="5ms", share="10%").describe()
    described = fault(jitter="5ms", distribution="pareto", ramp="10s").describe()
    assert "answers 100ms ± 5ms (pareto) late, growing over 10s" == described
