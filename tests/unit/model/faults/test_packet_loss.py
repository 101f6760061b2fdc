"""F20 packet_loss: packets of an edge are dropped."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec
from workbench.model.faults.base import Ability
from workbench.model.faults.packet_loss import PacketLoss
from workbench.model.faults.seeded import Draw


def fault(**fields: Any) -> PacketLoss:
    declared = {"id": "f", "kind": "packet_loss", "edge": "a:b", "loss": "5%"} | fields
    read = TypeAdapter[Any](EdgeFaultSpec).validate_python(declared)
    assert isinstance(read, PacketLoss)
    return read


def test_it_is_about_packets() -> None:
    assert ("packet", "a:b", "loses 5% of its packets") == (fault().level, fault().target, fault().describe())
    assert "loses 5% of its packets, on for 50% of every 2s" == fault(schedule={"period": "2s"}).describe()
    assert (0.05, "were lost") == (fault().part_hit, fault().befalls)
    assert {Ability.PACKETS} == fault().abilities_needed()


def test_each_packet_is_dropped_or_passes_by_its_number() -> None:
    lossy = fault(loss="20%")
    fates = [lossy.waits_ns(Draw(7, "f", ordinal)) for ordinal in range(1000)]
    assert fates == [lossy.waits_ns(Draw(7, "f", ordinal)) for ordinal in range(1000)]
    assert {0, None} == set(fates)
    assert 150 < fates.count(None) < 250
    assert all(lossy.is_hit(fate, others_wait=False) is (fate is None) for fate in fates)
    assert [None] * 9 == [fault(loss="100%").waits_ns(Draw(7, "f", ordinal)) for ordinal in range(9)]


@pytest.mark.parametrize("loss", ["0%", "101%"])
def test_what_would_do_nothing_or_is_no_share_is_refused(loss: str) -> None:
    with pytest.raises(ValidationError):
        fault(loss=loss)


@pytest.mark.parametrize("field", [{"share": "50%"}, {"match": {"path": "/v1/*"}}])
def test_it_cannot_pick_requests(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        fault(**field)
