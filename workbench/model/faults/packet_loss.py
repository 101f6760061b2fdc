"""F20 packet_loss: packets of an edge are lost; TCP sends them again, and callers see time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import PacketFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import Ratio


class PacketLoss(PacketFault):
    """Drop packets between callers and the edge, both ways. Nothing of a stream is lost by that, it is only late.

    A lost packet costs its sender 200 ms (Linux's shortest retransmission timeout), one that is lost again twice as
    long as before, and a lost first packet of a connection 1 s.
    """

    befalls: ClassVar[str] = "were lost"

    kind: Literal["packet_loss"] = "packet_loss"
    loss: Ratio = Field(gt=0, description="part of the packets that is lost, each by itself", examples=["5%"])

    @property
    def part_hit(self) -> float:
        return float(self.loss)

    def waits_ns(self, draw: Draw) -> int | None:
        return None if draw.uniform("packet") < self.loss else 0

    def describe(self) -> str:
        return f"loses {self.loss} of its packets{self._flapping_text()}"
