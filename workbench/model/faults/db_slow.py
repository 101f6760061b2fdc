"""F17 db_slow: transactions of a database are held up, as by a full disk queue or a vacuum that never ends.

The service holds the connection of its pool meanwhile, so waiting for one is part of what its callers feel. On the wire
each answer of the server is late, of which a transaction waits for several.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.on_resources import PartialResourceFault
from workbench.model.faults.resource_actions import Disturb, Doing, ResourceType
from workbench.model.units import Duration


class DbSlow(PartialResourceFault):
    """Every transaction takes longer."""

    is_on: ClassVar[ResourceType] = "database"
    does: ClassVar[Doing] = "slow"
    is_felt: ClassVar[bool] = True
    on_the_wire: ClassVar[bool] = True

    kind: Literal["db_slow"] = "db_slow"
    delay: Duration = Field(default=Duration.parse("200ms"), gt=0, description="held up for so long, each time")

    def action(self) -> Disturb:
        return Disturb(self.does, delay_ns=int(self.delay))

    def describe(self) -> str:
        return f"holds up transactions for {self.delay}{self._share_text('them')}"
