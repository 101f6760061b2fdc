"""What faults on resources have in common: on a database, a broker, a cache that services keep their work in."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from workbench.model.faults.base import Ability, CalleeFault, Level
from workbench.model.faults.resource_actions import Disturb, Doing, ResourceType
from workbench.model.faults.seeded import is_hit
from workbench.model.names import Name
from workbench.model.units import Ratio


class ResourceFault(CalleeFault, ABC):
    """A fault on what services keep their work in: a database, a broker, a cache of `system.yaml`."""

    level: ClassVar[Level] = "resource"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.RESOURCE})
    is_on: ClassVar[ResourceType]
    """What kind of resource it can be done to."""
    does: ClassVar[Doing]
    is_received: ClassVar[bool] = False
    """Whether it is done to messages where they are delivered, and not where they are sent."""
    is_felt: ClassVar[bool] = False
    """Whether it promises that callers of the services feel it; elsewhere what it hit is the evidence."""

    on_the_wire: ClassVar[bool] = False
    """Whether whoever stands between the services and a real server can make it."""

    resource: Name = Field(description="the resource it is done to", examples=["orders-db"])
    services: list[Name] = Field(
        default_factory=list,
        description="those that meet it, of the services that use the resource; default: all of them",
    )

    @property
    def target(self) -> str:
        return self.resource

    @property
    def callees(self) -> list[Name]:
        return self.services

    def touches(self, edge: str) -> bool:
        """What is done to messages is felt between those who send and receive them, not by who asks one of them."""
        between = self.is_on != "broker" or self.is_received or edge.partition(":")[0] in self.services
        return between and super().touches(edge)

    def used_by(self, services: list[Name], receivers: Sequence[Name] = ()) -> Self:
        """Return it as it is in a system where these services use the resource, and messages come to the receivers."""
        if self.services:
            return self
        return self.model_copy(update={"services": list(receivers) if self.is_received and receivers else services})

    @property
    def part_hit(self) -> float:
        """Part of the pieces of work that is hit."""
        return 1.0

    def can_be_on_the_wire(self, users: Collection[Name]) -> bool:
        """Tell whether who stands in front of the server can make it as it is declared: there it meets everything.

        `users` are the services that use the server.
        """
        return self.on_the_wire and self.part_hit >= 1 and set(users) <= set(self.services)

    def hits(self, seed: int, ordinal: int) -> bool:
        """Tell whether a piece of work is hit; each service numbers its own from 0."""
        return is_hit(seed, self.id, ordinal, self.part_hit)

    def action(self) -> Disturb:
        """Say what is done to a piece of work that is hit."""
        return Disturb(self.does)


class PartialResourceFault(ResourceFault, ABC):
    """A fault that is decided for each piece of work on a resource."""

    share: Ratio = Field(default=Ratio(1.0), description="part of the transactions or messages that is hit")

    @model_validator(mode="after")
    def _hits_something(self) -> Self:
        if float(self.share) == 0.0:
            raise ValueError("share is 0 %, so the fault would hit nothing; remove the fault, or use --no-faults")
        return self

    @property
    def part_hit(self) -> float:
        return float(self.share)

    def _share_text(self, pieces: str) -> str:
        return "" if float(self.share) == 1.0 else f" ({self.share} of {pieces})"
