"""The kinds of faults: one file each, listed here.

To add a kind, write its file and add it to `FaultSpec`; docs/how-to/add-a-fault.md walks through it.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from workbench.model.faults.base import EdgeFault
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.brownout import Brownout
from workbench.model.faults.corrupt_body import CorruptBody
from workbench.model.faults.every_nth import EveryNth
from workbench.model.faults.fail_first import FailFirst
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.latency import Latency
from workbench.model.faults.refuse import Refuse
from workbench.model.faults.response_lost import ResponseLost

FaultSpec = Annotated[
    Latency | Blackhole | Refuse | HttpStatus | ResponseLost | CorruptBody | FailFirst | EveryNth | Brownout,
    Field(discriminator="kind"),
]
"""One declared disturbance."""

KINDS: dict[str, type[EdgeFault]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(FaultSpec)[0])
}
"""Kind by its name in scenario files."""
