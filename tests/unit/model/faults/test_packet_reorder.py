"""F20 packet_reorder: only the kernel can do it. It is read and described, and no fault plane is asked for it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec, FaultSpec
from workbench.model.faults.base import Ability

FIELDS = {"id": "f", "kind": "packet_reorder", "edge": "a:b", "reorder": "25%", "delay": "10ms"}


def test_it_needs_the_kernel() -> None:
    fault = TypeAdapter[Any](FaultSpec).validate_python(FIELDS)
    assert "lets 25% of its packets overtake the others, which are 10ms late" == fault.describe()
    assert {Ability.NETEM} == fault.abilities_needed()
    with pytest.raises(ValidationError):
        TypeAdapter[Any](EdgeFaultSpec).validate_python(FIELDS)


@pytest.mark.parametrize("change", [{"reorder": "0%"}, {"delay": "0s"}])
def test_one_that_would_do_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](FaultSpec).validate_python(FIELDS | change)
