"""F19 partition: some services and all others cannot reach each other: one fault on each edge between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import Ability, FaultBase, Level
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.refuse import Refuse
from workbench.model.names import LONGEST_NAME, Name


class Partition(FaultBase):
    """Cut services off from the rest of the system.

    When a scenario is loaded it becomes one `blackhole` or `refuse` for each edge that it cuts, with the ids
    `ID-CALLER-CALLEE`; what is injected, counted, checked and reported are these. `min_evidence` holds for each.
    """

    level: ClassVar[Level] = "listener"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["partition"] = "partition"
    services: list[Name] = Field(min_length=1, description="one side; the other one is everybody else")
    direction: Literal["both", "into", "out_of"] = Field(
        default="both", description="`into`: only calls to these services fail; `out_of`: only calls that they make"
    )
    how: Literal["blackhole", "refuse"] = Field(
        default="blackhole", description="packets vanish, as in a real partition, or connections are refused"
    )

    @property
    def target(self) -> str:
        return ", ".join(self.services)

    def touches(self, edge: str) -> bool:
        caller, _, callee = edge.partition(":")
        into, out_of = callee in self.services, caller in self.services
        return into != out_of and (self.direction == "both" or (self.direction == "into") == into)

    def parts(self, edges: Iterable[str]) -> list[Blackhole | Refuse]:
        """Return the faults that it is made of, in a system with these edges."""
        kind = Blackhole if self.how == "blackhole" else Refuse
        common = {name: getattr(self, name) for name in ("phase", "schedule", "min_evidence", "seed")}
        return [
            kind(id=f"{self.id}-{edge.replace(':', '-')}"[:LONGEST_NAME], edge=edge, **common)
            for edge in edges
            if self.touches(edge)
        ]

    def describe(self) -> str:
        ways = {
            "both": "cannot reach the others, nor be reached",
            "into": "cannot be reached",
            "out_of": "reach nobody",
        }
        return ways[self.direction]
