"""F2 blackhole: requests vanish."""

from __future__ import annotations

import pytest

from workbench.model.faults.actions import Swallow
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.seeded import Draw
from workbench.model.units import NS_PER_MS

FAULT = Blackhole(id="f", edge="a:b")


def test_it_swallows_and_needs_nothing_but_a_network() -> None:
    assert Swallow() == FAULT.action(Draw(1, "f", 0))
    assert {Ability.NETWORK} == FAULT.abilities_needed()
    assert "takes requests and never answers" == FAULT.describe()


@pytest.mark.parametrize(
    ("lasted_ms", "status", "timeout_ms", "felt"),
    [
        (500, None, 500, True),
        (400, None, 500, True),
        (399, None, 500, False),  # it ended for another reason
        (5, None, None, True),  # nobody says how long the caller waits
        (500, 200, 500, False),  # it was answered
    ],
)
def test_it_was_felt_by_whoever_waited_in_vain(
    lasted_ms: int, status: int | None, timeout_ms: int | None, felt: bool
) -> None:
    timeout_ns = None if timeout_ms is None else timeout_ms * NS_PER_MS
    assert felt is FAULT.felt(HitAttempt(lasted_ms * NS_PER_MS, status, "client_gone"), timeout_ns)
