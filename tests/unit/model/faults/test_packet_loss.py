"""F20 packet_loss: only the kernel can do it. It is read and described, and no fault plane is asked for it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec, FaultSpec
from workbench.model.faults.base import Ability

FIELDS = {"id": "f", "kind": "packet_loss", "edge": "a:b", "loss": "5%"}


def test_it_needs_the_kernel() -> None:
    fault = TypeAdapter[Any](FaultSpec).validate_python(FIELDS)
    assert "loses 5% of its packets" == fault.describe()
    assert {Ability.NETEM} == fault.abilities_needed()
    with pytest.raises(ValidationError):
        TypeAdapter[Any](EdgeFaultSpec).validate_python(FIELDS)


@pytest.mark.parametrize("change", [{"loss": "0%"}])
def test_one_that_would_do_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](FaultSpec).validate_python(FIELDS | change)
