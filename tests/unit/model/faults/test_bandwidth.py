"""F6 bandwidth: so many bytes per second."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.model.faults.bandwidth import Bandwidth
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.seeded import Draw
from workbench.model.units import NS_PER_MS, NS_PER_S


def fault(**fields: Any) -> Bandwidth:
    return Bandwidth.model_validate({"id": "f", "edge": "a:b", "rate": "50KB/s"} | fields)


@given(st.integers(1, 10**12))
def test_parts_and_gaps_are_the_rate(rate: int) -> None:
    """After any number of parts, to the nanosecond; and parts are small, or a byte."""
    pace = fault(rate=f"{rate}B/s").action(Draw(1, "f", 0))
    sizes, gaps = (sum(of(i) for i in range(50)) for of in (pace.size, pace.gap))
    assert sizes * NS_PER_S // rate == gaps
    assert pace.size(0) == 1 or pace.gap(0) <= 10 * NS_PER_MS


def test_it_has_a_side() -> None:
    assert [fault(side=side).action(Draw(1, "f", 0)).side for side in ("request", "response")] == [
        "request",
        "response",
    ]
    assert {Ability.NETWORK} == fault().abilities_needed()
    assert "answers at 50KB/s" == fault().describe()
    assert "is asked at 50KB/s (10% of requests)" == fault(side="request", share="10%").describe()


@pytest.mark.parametrize("rate", [50, "50", "0B/s", "50KB", "50/s", "50kb/s", "1.5 MiB/s"])
def test_a_rate_has_a_unit(rate: object) -> None:
    with pytest.raises(ValidationError):
        fault(rate=rate)


@pytest.mark.parametrize(
    ("lasted", "delayed", "timeout", "end", "felt"),
    [
        (500, 500, None, "complete", True),
        (399, 500, None, "complete", False),
        (5, 0, None, "complete", False),  # too short an answer to be held up
        (90, 1000, 100, "client_gone", True),
        (90, 1000, 100, "complete", True),  # by the caller's clock it waited for its timeout
    ],
)
def test_it_was_felt_by_whoever_waited(lasted: int, delayed: int, timeout: int | None, *, end: str, felt: bool) -> None:
    attempt = HitAttempt(lasted * NS_PER_MS, 200, end, delay_ns=delayed * NS_PER_MS)
    assert felt is fault().felt(attempt, None if timeout is None else timeout * NS_PER_MS)
