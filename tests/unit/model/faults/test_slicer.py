"""F6 slicer: bytes come in many small packets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.seeded import Draw
from workbench.model.faults.slicer import Slicer
from workbench.model.units import NS_PER_MS


def fault(**fields: Any) -> Slicer:
    return Slicer.model_validate({"id": "f", "edge": "a:b", "average": 10, "delay": "1ms"} | fields)


def test_sizes_are_seeded_and_within_their_bounds() -> None:
    """All of them occur; another request has others, and the same one the same."""

    def sizes(ordinal: int) -> list[int]:
        pace = fault(variation=4).action(Draw(1, "f", ordinal))
        return [pace.size(i) for i in range(500)]

    assert set(sizes(0)) == set(range(6, 15))
    assert sizes(0) == sizes(0) != sizes(1)
    assert abs(sum(sizes(0)) / 500 - 10) < 0.5


def test_without_variation_all_are_equal() -> None:
    pace = fault(delay="2ms", side="request").action(Draw(1, "f", 0))
    assert (pace.side, {pace.size(i) for i in range(9)}, pace.gap(3)) == ("request", {10}, 2 * NS_PER_MS)
    assert {Ability.NETWORK} == fault().abilities_needed()


def test_no_packet_may_be_empty() -> None:
    with pytest.raises(ValidationError, match="variation 10 has to be below average 10"):
        fault(variation=10)


def test_packets_without_a_delay_would_not_be_felt() -> None:
    """They leave no trace above TCP, so nothing would tell that the fault was on."""
    with pytest.raises(ValidationError, match="greater than 0"):
        fault(delay="0s")


def test_it_says_what_it_does() -> None:
    assert "answers in packets of 10 bytes, 1ms apart" == fault().describe()
    described = fault(variation=2, delay="1ms", side="request").describe()
    assert "is asked in packets of 10 ± 2 bytes, 1ms apart" == described


def test_packets_apart_are_felt_as_delay() -> None:
    assert not fault(delay="1ms").felt(HitAttempt(NS_PER_MS, 200, "complete"), None)
    assert fault(delay="1ms").felt(HitAttempt(5 * NS_PER_MS, 200, "complete", delay_ns=5 * NS_PER_MS), None)
