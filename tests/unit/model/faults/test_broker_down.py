"""F18 broker_down: what is done, and which edges can feel it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.broker_down import BrokerDown
from workbench.model.faults.resource_actions import Disturb


def fault(**fields: object) -> BrokerDown:
    return BrokerDown.model_validate({"id": "f", "resource": "broker"} | fields)


def test_nothing_is_published_or_received() -> None:
    assert Disturb("down") == fault().action()
    assert "is away" == fault().describe()
    assert ("broker", False, 1.0) == (fault().is_on, fault().is_felt, fault().part_hit)
    assert {Ability.RESOURCE} == fault().abilities_needed()


def test_it_lies_between_those_who_use_it() -> None:
    """Who asks one of them for something else does not feel it."""
    used = fault().used_by(["orders", "notifications"])
    assert used.touches("orders:notifications")
    assert not used.touches("gateway:orders")


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}, {"share": "50%"}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
