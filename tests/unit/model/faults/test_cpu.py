"""F16 cpu: a part of a core."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.cpu import Cpu
from workbench.model.faults.process_actions import Throttle


def fault(limit: object) -> Cpu:
    return Cpu.model_validate({"id": "f", "service": "payments", "limit": limit})


def test_it_runs_in_a_part_of_its_time() -> None:
    assert Throttle(share=0.2) == fault("20%").action()
    assert "gets at most 20% of a core" == fault("20%").describe()
    assert not fault("20%").hangs


@pytest.mark.parametrize("limit", ["1%", "99%"])
def test_limits_at_the_ends_are_taken(limit: str) -> None:
    fault(limit)


@pytest.mark.parametrize("limit", ["0%", "0.9%", "99.1%", "100%", "much", 2])
def test_limits_that_are_none_are_refused(limit: object) -> None:
    with pytest.raises(ValidationError):
        fault(limit)
