"""F16 memory: so much more address space and no more."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.memory import Memory
from workbench.model.faults.process_actions import LimitMemory


def fault(headroom: object) -> Memory:
    return Memory.model_validate({"id": "f", "service": "payments", "headroom": headroom})


def test_it_may_grow_by_the_headroom() -> None:
    assert LimitMemory(headroom_bytes=16 * 2**20) == fault("16MiB").action()
    assert "gets at most 16MiB more memory" == fault("16MiB").describe()
    assert LimitMemory(headroom_bytes=0) == fault("0B").action()


def test_an_operating_system_has_to_be_able_to_do_that() -> None:
    assert {Ability.PROCESS, Ability.MEMORY} == fault("1B").abilities_needed()


@pytest.mark.parametrize("headroom", [16, "16", "16MB", "-1B", "2000000GiB", None])
def test_sizes_that_could_be_misread_are_refused(headroom: object) -> None:
    with pytest.raises(ValidationError):
        fault(headroom)
