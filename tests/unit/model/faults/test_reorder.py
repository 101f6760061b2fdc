"""F18 reorder: what is done to messages, and which edges can feel it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability
from workbench.model.faults.reorder import Reorder
from workbench.model.faults.resource_actions import Disturb
from workbench.model.faults.seeded import is_hit


def fault(**fields: object) -> Reorder:
    return Reorder.model_validate({"id": "f", "resource": "broker"} | fields)


def test_messages_are_what_it_is_done_to() -> None:
    assert Disturb("reorder") == fault().action()
    assert ("delivers messages out of order", "delivers messages out of order (20% of them)") == (
        fault().describe(),
        fault(share="20%").describe(),
    )
    assert ("broker", False) == (fault().is_on, fault().is_felt), "what it hit is the evidence"
    assert {Ability.RESOURCE} == fault().abilities_needed()


def test_a_share_of_the_messages_is_drawn_by_the_seed() -> None:
    hit = [fault(share="40%").hits(7, ordinal) for ordinal in range(1_000)]
    assert hit == [is_hit(7, "f", ordinal, 0.4) for ordinal in range(1_000)]
    assert all(fault().hits(7, ordinal) for ordinal in range(100))
    with pytest.raises(ValidationError, match="share is 0 %"):
        fault(share="0%")


@pytest.mark.parametrize("fields", [{"edge": "a:b"}, {"schedule": {"period": "1s"}}])
def test_what_is_for_edges_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


def test_it_is_met_where_messages_are_delivered() -> None:
    used = fault().used_by(["orders", "notifications"], ["notifications"])
    assert ["notifications"] == used.services
    assert used.touches("orders:notifications")
    assert not used.touches("gateway:orders")
    assert ["orders", "notifications"] == fault().used_by(["orders", "notifications"]).services
