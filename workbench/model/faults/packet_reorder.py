"""F20 packet_reorder: the kernel lets packets of an edge overtake each other."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import Ability, EdgeFault, Level
from workbench.model.units import Duration, Ratio


class PacketReorder(EdgeFault):
    """Packets arrive out of order, by netem in the kernel. Never emulated: a stream has no order to lose."""

    level: ClassVar[Level] = "packet"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETEM})

    kind: Literal["packet_reorder"] = "packet_reorder"
    reorder: Ratio = Field(gt=0, description="part of the packets that overtakes those which are delayed")
    delay: Duration = Field(gt=0, description="how long the others are delayed")

    def describe(self) -> str:
        return f"lets {self.reorder} of its packets overtake the others, which are {self.delay} late"
