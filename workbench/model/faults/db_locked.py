"""F17 db_locked: somebody else holds the write lock of a database, as a migration or a forgotten transaction does.

The lock is really held. Writers wait for it as long as their driver lets them; readers are not affected.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class DbLocked(ResourceFault):
    """Writers wait for a lock that is not given back."""

    is_on: ClassVar[ResourceType] = "database"
    does: ClassVar[Doing] = "lock"
    is_felt: ClassVar[bool] = True

    kind: Literal["db_locked"] = "db_locked"

    def describe(self) -> str:
        return "is locked for writing"
