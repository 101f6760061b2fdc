"""F20 packet_loss: the kernel drops packets of an edge; TCP sends them again, and callers see time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import Ability, PacketFault
from workbench.model.units import Ratio


class PacketLoss(PacketFault):
    """The kernel drops packets between callers and the edge, both ways; nothing of a stream is dropped, only late.

    A lost packet costs its sender 200 ms (Linux's shortest retransmission timeout), one that is lost again twice as
    long as before, and a lost first packet of a connection 1 s.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.PACKET_LOSS})

    kind: Literal["packet_loss"] = "packet_loss"
    loss: Ratio = Field(ge=1e-6, description="part of the packets that is lost, each by itself", examples=["5%"])

    @property
    def drops(self) -> float:
        return float(self.loss)

    def describe(self) -> str:
        return f"loses {self.loss} of its packets{self._flapping_text()}"
