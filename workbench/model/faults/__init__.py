"""The kinds of faults: one file each, listed here.

To add a kind, write its file and add it to the group of what it is done to; docs/how-to/add-a-fault.md walks
through it.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from workbench.model.faults.accept_then_close import AcceptThenClose
from workbench.model.faults.bandwidth import Bandwidth
from workbench.model.faults.base import FaultBase
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.broker_down import BrokerDown
from workbench.model.faults.brownout import Brownout
from workbench.model.faults.cache_down import CacheDown
from workbench.model.faults.corrupt_body import CorruptBody
from workbench.model.faults.cpu import Cpu
from workbench.model.faults.db_error import DbError
from workbench.model.faults.db_locked import DbLocked
from workbench.model.faults.db_readonly import DbReadonly
from workbench.model.faults.db_slow import DbSlow
from workbench.model.faults.duplicate_delivery import DuplicateDelivery
from workbench.model.faults.every_nth import EveryNth
from workbench.model.faults.fail_first import FailFirst
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.kill import Kill
from workbench.model.faults.latency import Latency
from workbench.model.faults.memory import Memory
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.packet_loss import PacketLoss
from workbench.model.faults.packet_reorder import PacketReorder
from workbench.model.faults.partition import Partition
from workbench.model.faults.pause import Pause
from workbench.model.faults.refuse import Refuse
from workbench.model.faults.reorder import Reorder
from workbench.model.faults.reset import Reset
from workbench.model.faults.response_lost import ResponseLost
from workbench.model.faults.restart import Restart
from workbench.model.faults.slicer import Slicer
from workbench.model.faults.slow_drip import SlowDrip
from workbench.model.faults.slow_start import SlowStart
from workbench.model.faults.surge import Surge
from workbench.model.faults.truncate import Truncate

# fmt: off
EdgeKind = (
    Latency
    | Blackhole
    | Refuse
    | HttpStatus
    | ResponseLost
    | CorruptBody
    | FailFirst
    | EveryNth
    | Brownout
    | AcceptThenClose
    | Bandwidth
    | Reset
    | Slicer
    | SlowDrip
    | Truncate
    | PacketLoss
    | PacketReorder
)
ServiceKind = (
    Cpu
    | Kill
    | Memory
    | Pause
    | Restart
    | SlowStart
)
ResourceKind = (
    BrokerDown
    | CacheDown
    | DbError
    | DbLocked
    | DbReadonly
    | DbSlow
    | DuplicateDelivery
    | Reorder
)
LoadKind = (
    Surge
)
CompositeKind = (
    Partition
)
# fmt: on

EdgeFaultSpec = Annotated[EdgeKind, Field(discriminator="kind")]
"""One disturbance of an edge: what a fault plane is asked for."""

FaultSpec = Annotated[EdgeKind | ServiceKind | ResourceKind | LoadKind | CompositeKind, Field(discriminator="kind")]
"""One declared disturbance."""

KINDS: dict[str, type[FaultBase]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(FaultSpec)[0])
}
"""Kind by its name in scenario files."""


def resource_kind(resource: str, do: str) -> str:
    """Return the kind of what a service does to itself; what it does, if it is none of ours."""
    for name, kind in KINDS.items():
        if issubclass(kind, ResourceFault) and (kind.is_on, kind.does) == (resource, do):
            return name
    return do
