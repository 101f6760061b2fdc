"""F5 reset: connections end by RST."""

from __future__ import annotations

import pytest

from workbench.model.faults.actions import Close
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.reset import Reset
from workbench.model.faults.seeded import Draw

FAULT = Reset(id="f", edge="a:b")


def test_it_closes_by_rst_and_needs_a_plane_that_can() -> None:
    assert Close(reset=True) == FAULT.action(Draw(1, "f", 0))
    assert {Ability.NETWORK, Ability.RESET} == FAULT.abilities_needed()
    assert "resets connections" == FAULT.describe()


@pytest.mark.parametrize(
    ("status", "end", "felt"), [(None, "cut", True), (None, "client_gone", False), (200, "complete", False)]
)
def test_it_was_felt_by_whoever_was_cut_off(status: int | None, end: str, felt: bool) -> None:
    assert felt is FAULT.felt(HitAttempt(1000, status, end), None)
