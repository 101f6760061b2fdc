"""The scenario unrolled into timed steps: pure data; the same scenario and seed give the same plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.makers import Maker
from workbench.model.scenario import Role


class PhaseSlot(Frozen):
    """When a phase is meant to be; transitions in front of it shift it by what they really take."""

    name: str
    role: Role
    start_ns: int
    end_ns: int
    arrivals: dict[str, int]
    """Planned arrivals by journey, at the nominal times."""


class Step(Frozen):
    """One thing to do, at a nominal time."""

    at_ns: int
    action: Literal["load_on", "phase", "fault_on", "fault_off", "load_off"]
    name: str
    """Phase name or fault id."""


class Plan(Frozen):
    """What `execute` carries out."""

    seed: int
    phases: list[PhaseSlot]
    steps: list[Step]
    end_ns: int
    horizon_ns: int
    """Arrivals are scheduled up to here: the end plus the longest transitions."""
    arrivals_digest: str
    makers: dict[str, Maker] = Field(
        default_factory=dict, description="who makes each fault; what older runs do not say, the services made"
    )

    def phase(self, name: str) -> PhaseSlot | None:
        """Return the slot of a phase, if there is one."""
        return next((slot for slot in self.phases if slot.name == name), None)
