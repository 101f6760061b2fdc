"""Which request is hit depends on seed, fault and ordinal, and on nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.model.faults.seeded import Chance, Draw, draw, is_hit


def test_a_draw_never_changes() -> None:
    """These figures are part of the format: an old run is judged by them (share 30 %, seed 7)."""
    assert 0.46815003156906687 == draw(7, "slow", 0, "hit")
    assert ".......#...#..#....." == "".join(".#"[is_hit(7, "slow", i, 0.3)] for i in range(20))


def test_a_draw_is_the_same_in_another_process() -> None:
    """Python salts `hash` anew in every process; a draw must not depend on it."""
    code = "from workbench.model.faults.seeded import draw; print([draw(1, 'f', i, 'hit') for i in range(5)])"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert {str([draw(1, "f", i, "hit") for i in range(5)])} == seen


@given(st.integers(0, 2**63), st.text(max_size=20), st.integers(0, 2**40), st.text(max_size=10))
def test_a_draw_is_at_least_0_and_below_1(seed: int, fault: str, ordinal: int, purpose: str) -> None:
    assert 0 <= draw(seed, fault, ordinal, purpose) < 1


@given(st.integers(0, 2**63), st.integers(0, 2**40))
def test_a_share_of_all_hits_all(seed: int, ordinal: int) -> None:
    assert is_hit(seed, "f", ordinal, 1.0)


@given(st.integers(0, 2**63), st.integers(0, 2**40), st.floats(0, 1), st.floats(0, 1))
def test_who_is_hit_by_a_share_is_hit_by_a_larger_one(seed: int, ordinal: int, one: float, other: float) -> None:
    """So that raising a share adds hits and moves none."""
    small, large = sorted((one, other))
    if is_hit(seed, "f", ordinal, small):
        assert is_hit(seed, "f", ordinal, large)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
def test_the_share_is_met(share: float) -> None:
    """Over many requests, within four standard deviations."""
    n = 20_000
    hits = sum(is_hit(1, "f", ordinal, share) for ordinal in range(n))
    assert abs(hits - n * share) < 4 * (n * share * (1 - share)) ** 0.5


def test_faults_seeds_and_purposes_are_independent() -> None:
    """Two faults with the same share must not hit the same requests."""
    first = [is_hit(1, "a", i, 0.5) for i in range(64)]
    assert first != [is_hit(1, "b", i, 0.5) for i in range(64)]
    assert first != [is_hit(2, "a", i, 0.5) for i in range(64)]
    assert Draw(1, "a", 0).uniform("jitter") != Draw(1, "a", 0).uniform("hit")
    assert draw(1, "a", 0, "jitter") == Draw(1, "a", 0).uniform("jitter")


@given(st.integers(0, 2**32), st.text(max_size=8), st.floats(1e-9, 1), st.lists(st.integers(0, 1000), max_size=5))
def test_looking_ahead_decides_the_same(seed: int, fault: str, share: float, others: list[int]) -> None:
    """Many decisions are made at a time; in whatever order they are asked for, each is that of its ordinal."""
    chance = Chance(seed, fault, share)
    for ordinal in (*range(150), *others):
        assert chance.hits(ordinal) is is_hit(seed, fault, ordinal, share)
