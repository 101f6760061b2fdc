"""F6 slow_drip: the body comes a few bytes at a time."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.seeded import Draw
from workbench.model.faults.slow_drip import SlowDrip
from workbench.model.units import NS_PER_MS


def fault(**fields: Any) -> SlowDrip:
    return SlowDrip.model_validate({"id": "f", "edge": "a:b", "every": "100ms"} | fields)


def test_it_paces_the_body() -> None:
    pace = fault(chunk=3).action(Draw(1, "f", 0))
    assert (pace.side, pace.size(7), pace.gap(7), pace.body_only) == ("response", 3, 100 * NS_PER_MS, True)
    assert {Ability.NETWORK} == fault().abilities_needed()


def test_it_says_what_it_does() -> None:
    assert "answers 1 byte every 100ms" == fault().describe()
    assert "answers 3 bytes every 100ms" == fault(chunk=3).describe()


@pytest.mark.parametrize("fields", [{"every": "0s"}, {"chunk": 0}])
def test_it_has_to_drip(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


@pytest.mark.parametrize(("delayed", "felt"), [(500, True), (0, False), (1000, False)])
def test_it_was_felt_by_whoever_waited_for_the_drops(delayed: int, felt: bool) -> None:
    assert felt is fault().felt(HitAttempt(500 * NS_PER_MS, 200, "complete", delay_ns=delayed * NS_PER_MS), None)
