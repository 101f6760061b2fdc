"""F18 cache_down: every access to a cache fails; what was asked for has to come from where it belongs.

Whether callers feel it is what a scenario claims; what was asked of the cache in vain is the evidence.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Doing, ResourceType


class CacheDown(ResourceFault):
    """The cache is away."""

    is_on: ClassVar[ResourceType] = "cache"
    does: ClassVar[Doing] = "down"
    on_the_wire: ClassVar[bool] = True

    kind: Literal["cache_down"] = "cache_down"

    def describe(self) -> str:
        return "is away"
