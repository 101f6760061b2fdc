"""F18 duplicate_delivery: messages are delivered twice, as every broker that delivers at least once does one day.

The consumer has to notice. Nothing is felt by callers; what was delivered twice is the evidence.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import PartialResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class DuplicateDelivery(PartialResourceFault):
    """Messages come twice."""

    is_on: ClassVar[ResourceType] = "broker"
    does: ClassVar[Doing] = "duplicate"
    is_received: ClassVar[bool] = True

    kind: Literal["duplicate_delivery"] = "duplicate_delivery"

    def describe(self) -> str:
        return f"delivers messages twice{self._share_text('them')}"
