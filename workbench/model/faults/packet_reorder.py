"""F20 packet_reorder: packets of an edge overtake each other."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import PacketFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration, Ratio


class PacketReorder(PacketFault):
    """Delay packets between callers and the edge, both ways, but for some that overtake the others, as netem does it.

    TCP puts them in order again; what it costs is the delay, and what is sent again because it seemed to be lost.
    """

    befalls: ClassVar[str] = "overtook others"

    kind: Literal["packet_reorder"] = "packet_reorder"
    reorder: Ratio = Field(gt=0, lt=1, description="part of the packets that overtakes those which are delayed")
    delay: Duration = Field(gt=0, description="how long the others are delayed", examples=["20ms"])

    @property
    def part_hit(self) -> float:
        return float(self.reorder)

    def waits_ns(self, draw: Draw) -> int | None:
        return 0 if draw.uniform("packet") < self.reorder else self.delay

    def describe(self) -> str:
        late = f"which are {self.delay} late{self._flapping_text()}"
        return f"lets {self.reorder} of its packets overtake the others, {late}"
