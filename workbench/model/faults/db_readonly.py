"""F17 db_readonly: a database answers reads and refuses writes, as a replica after a failover does, or a full disk."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class DbReadonly(ResourceFault):
    """Reads work, writes do not."""

    is_on: ClassVar[ResourceType] = "database"
    does: ClassVar[Doing] = "read_only"
    is_felt: ClassVar[bool] = True

    kind: Literal["db_readonly"] = "db_readonly"

    def describe(self) -> str:
        return "refuses writes"
