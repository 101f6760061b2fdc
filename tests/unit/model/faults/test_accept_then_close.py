"""F4 accept_then_close: connections are accepted and closed."""

from __future__ import annotations

import pytest

from workbench.model.faults.accept_then_close import AcceptThenClose
from workbench.model.faults.actions import Close
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.seeded import Draw

FAULT = AcceptThenClose(id="f", edge="a:b")


def test_it_closes_by_fin_and_needs_nothing_but_a_network() -> None:
    assert Close(reset=False) == FAULT.action(Draw(1, "f", 0))
    assert {Ability.NETWORK} == FAULT.abilities_needed()
    assert "accepts connections and closes them without an answer" == FAULT.describe()


@pytest.mark.parametrize(
    ("status", "end", "felt"), [(None, "cut", True), (None, "client_gone", False), (200, "complete", False)]
)
def test_it_was_felt_by_whoever_was_cut_off(status: int | None, end: str, felt: bool) -> None:
    assert felt is FAULT.felt(HitAttempt(1000, status, end), None)
