"""F20 packet_loss: the kernel drops packets of an edge; TCP sends them again, and callers see time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import Ability, EdgeFault, Level
from workbench.model.units import Ratio


class PacketLoss(EdgeFault):
    """Packets get lost, by netem in the kernel. Never emulated: dropping parts of a stream would be something else."""

    level: ClassVar[Level] = "packet"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETEM})

    kind: Literal["packet_loss"] = "packet_loss"
    loss: Ratio = Field(gt=0, description="part of the packets that is lost, each by itself")

    def describe(self) -> str:
        return f"loses {self.loss} of its packets"
