"""F17 db_error: transactions of a database fail, as the driver reports a server that went away."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import PartialResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class DbError(PartialResourceFault):
    """Transactions fail."""

    is_on: ClassVar[ResourceType] = "database"
    does: ClassVar[Doing] = "fail"
    is_felt: ClassVar[bool] = True
    on_the_wire: ClassVar[bool] = True

    kind: Literal["db_error"] = "db_error"

    def describe(self) -> str:
        return f"fails transactions{self._share_text('them')}"
