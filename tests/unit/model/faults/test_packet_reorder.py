"""F20 packet_reorder: some packets of an edge overtake the others, which are late."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.model.faults import EdgeFaultSpec
from workbench.model.faults.base import Ability
from workbench.model.faults.packet_reorder import PacketReorder
from workbench.model.faults.seeded import Draw
from workbench.model.units import NS_PER_MS


def fault(**fields: Any) -> PacketReorder:
    declared = {"id": "f", "kind": "packet_reorder", "edge": "a:b", "reorder": "25%", "delay": "10ms"} | fields
    read = TypeAdapter[Any](EdgeFaultSpec).validate_python(declared)
    assert isinstance(read, PacketReorder)
    return read


def test_it_is_about_packets() -> None:
    said = "lets 25% of its packets overtake the others, which are 10ms late"
    assert ("packet", "a:b", said) == (fault().level, fault().target, fault().describe())
    assert f"{said}, on for 50% of every 2s" == fault(schedule={"period": "2s"}).describe()
    assert (0.25, "overtook others") == (fault().part_hit, fault().befalls)
    assert {Ability.PACKETS} == fault().abilities_needed()


def test_each_packet_waits_or_passes_by_its_number() -> None:
    fates = [fault().waits_ns(Draw(7, "f", ordinal)) for ordinal in range(1000)]
    assert {0, 10 * NS_PER_MS} == set(fates)
    assert 200 < fates.count(0) < 300


@pytest.mark.parametrize(
    ("waits_ns", "others_wait", "hit"), [(0, True, True), (0, False, False), (5, True, False), (5, False, False)]
)
def test_a_hit_is_what_overtakes_something(waits_ns: int, others_wait: bool, hit: bool) -> None:
    assert hit is fault().is_hit(waits_ns, others_wait=others_wait)


@pytest.mark.parametrize("change", [{"reorder": "0%"}, {"reorder": "100%"}, {"delay": "0s"}])
def test_one_that_would_do_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**change)
