"""F7 truncate: the answer ends in the middle of its body."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults import actions
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.seeded import Draw
from workbench.model.faults.truncate import Truncate


def fault(**fields: Any) -> Truncate:
    return Truncate.model_validate({"id": "f", "edge": "a:b"} | fields)


def test_it_cuts_after_so_many_bytes() -> None:
    assert actions.Truncate(after_bytes=7) == fault(after=7).action(Draw(1, "f", 0))
    assert {Ability.NETWORK} == fault().abilities_needed()
    assert "cuts answers after 16 bytes" == fault().describe()
    with pytest.raises(ValidationError):
        fault(after=-1)


@pytest.mark.parametrize(("end", "felt"), [("cut", True), ("complete", False), ("client_gone", False)])
def test_it_was_felt_by_whoever_was_cut_off(end: str, felt: bool) -> None:
    """Whatever the status says: that one passed."""
    assert felt is fault().felt(HitAttempt(1000, 200, end), None)
