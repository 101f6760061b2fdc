"""F20: kinds that only the kernel can do. They are read and described, and no plane of ours says that it can."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec, FaultSpec
from workbench.model.faults.base import Ability

LOSS = {"id": "f", "kind": "packet_loss", "edge": "a:b", "loss": "5%"}
REORDER = {"id": "f", "kind": "packet_reorder", "edge": "a:b", "reorder": "25%", "delay": "10ms"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [(LOSS, "loses 5% of its packets"), (REORDER, "lets 25% of its packets overtake the others, which are 10ms late")],
)
def test_they_need_the_kernel(fields: dict[str, Any], says: str) -> None:
    fault = TypeAdapter[Any](FaultSpec).validate_python(fields)
    assert says == fault.describe()
    assert {Ability.NETEM} == fault.abilities_needed()
    with pytest.raises(ValidationError):
        TypeAdapter[Any](EdgeFaultSpec).validate_python(fields)


@pytest.mark.parametrize("fields", [LOSS | {"loss": "0%"}, REORDER | {"reorder": "0%"}, REORDER | {"delay": "0s"}])
def test_one_that_would_do_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](FaultSpec).validate_python(fields)
