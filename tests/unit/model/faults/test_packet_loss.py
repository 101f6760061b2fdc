"""F20 packet_loss: the kernel drops packets of an edge."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec
from workbench.model.faults.base import Ability
from workbench.model.faults.packet_loss import PacketLoss


def fault(**fields: Any) -> PacketLoss:
    declared = {"id": "f", "kind": "packet_loss", "edge": "a:b", "loss": "5%"} | fields
    read = TypeAdapter[Any](EdgeFaultSpec).validate_python(declared)
    assert isinstance(read, PacketLoss)
    return read


def test_it_is_about_packets() -> None:
    assert ("packet", "a:b", "loses 5% of its packets") == (fault().level, fault().target, fault().describe())
    assert "loses 5% of its packets, on for 50% of every 2s" == fault(schedule={"period": "2s"}).describe()
    assert 0.05 == fault().drops


def test_it_needs_the_kernel() -> None:
    assert {Ability.PACKET_LOSS} == fault().abilities_needed()


@pytest.mark.parametrize("loss", ["0%", "101%", 1e-7])
def test_what_would_do_nothing_or_is_no_share_is_refused(loss: str | float) -> None:
    with pytest.raises(ValidationError):
        fault(loss=loss)


def test_a_seed_would_be_without_effect_and_is_refused() -> None:
    with pytest.raises(ValidationError, match="takes no `seed`; leave it out"):
        fault(seed=7)


@pytest.mark.parametrize("field", [{"share": "50%"}, {"match": {"path": "/v1/*"}}])
def test_it_cannot_pick_requests(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        fault(**field)
