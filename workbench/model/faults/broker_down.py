"""F18 broker_down: nothing can be published or received.

Messages have to wait where their sender has stored them (outbox), and come later.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class BrokerDown(ResourceFault):
    """The broker is away."""

    is_on: ClassVar[ResourceType] = "broker"
    does: ClassVar[Doing] = "down"
    on_the_wire: ClassVar[bool] = True

    kind: Literal["broker_down"] = "broker_down"

    def describe(self) -> str:
        return "is away"
