"""F18 reorder: messages are delivered late, behind those that were sent after them.

Nothing is felt by callers; what was delivered late is the evidence.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import PartialResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class Reorder(PartialResourceFault):
    """Messages overtake each other."""

    is_on: ClassVar[ResourceType] = "broker"
    does: ClassVar[Doing] = "reorder"
    is_received: ClassVar[bool] = True

    kind: Literal["reorder"] = "reorder"

    def describe(self) -> str:
        return f"delivers messages out of order{self._share_text('them')}"
