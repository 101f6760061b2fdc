"""The kinds of faults: one file each, listed here.

To add a kind, write its file and add it to the group of what it is done to; docs/how-to/add-a-fault.md walks
through it.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from workbench.model.faults.base import FaultBase
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.latency import Latency
from workbench.model.faults.packet_loss import PacketLoss
from workbench.model.faults.packet_reorder import PacketReorder
from workbench.model.faults.partition import Partition
from workbench.model.faults.refuse import Refuse
from workbench.model.faults.surge import Surge

# fmt: off
EdgeKind = (
    Latency
    | Blackhole
    | Refuse
    | HttpStatus
)
LoadKind = (
    Surge
)
CompositeKind = (
    Partition
)
PacketKind = (
    PacketLoss
    | PacketReorder
)
# fmt: on

EdgeFaultSpec = Annotated[EdgeKind, Field(discriminator="kind")]
"""One disturbance of an edge: what a fault plane is asked for."""

FaultSpec = Annotated[EdgeKind | LoadKind | CompositeKind | PacketKind, Field(discriminator="kind")]
"""One declared disturbance."""

KINDS: dict[str, type[FaultBase]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(FaultSpec)[0])
}
"""Kind by its name in scenario files."""
