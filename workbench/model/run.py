"""What a run was made of: everything needed to judge it again, or to repeat it. `run.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.events import Clock
from workbench.model.plan import Plan
from workbench.model.planes import PlaneName
from workbench.model.policies import Policies
from workbench.model.scenario import Scenario
from workbench.model.slo import Slo
from workbench.model.system import System
from workbench.model.tools import Tool

RUN_FORMAT: Literal[1] = 1
"""Version of the run directory. A newer one is refused, an older one is read."""


class Machine(Frozen):
    """Where it ran."""

    os: str
    arch: str
    python: str
    cores: int
    memory_bytes: int


class Reproduce(Frozen):
    """How it was asked for."""

    command: list[str]
    rate_override: str | None = None
    changes: dict[str, str] = Field(default_factory=dict, description="--set path=value")
    bugs: list[str] = Field(default_factory=list)
    inconclusive_allowed: bool = Field(default=False, description="--allow-inconclusive")
    faults_disabled: bool = Field(default=False, description="--no-faults: the injector was switched off")


class RunRecord(Frozen):
    """The resolved scenario with all it refers to, and the circumstances."""

    version: Literal[1] = RUN_FORMAT
    run_id: str
    scenario: Scenario
    system: System
    slos: list[Slo]
    plan: Plan
    fault_plane: PlaneName = Field(
        default=PlaneName.BUILTIN, description="with `toxiproxy`, attempts are those of the callers' spans"
    )
    tools: dict[Tool, str] = Field(
        default_factory=dict, description="real tools beside the stack, with the addresses they had"
    )
    policies: Policies = Field(description="of all services, as they were before the run; also in policies.json")
    audited: list[str] = Field(description="services that gave an account of themselves")
    traced: list[str] = Field(description="services that send spans")
    scraped: list[str] = Field(description="services with a metrics address")
    zero: Clock = Field(description="run zero on both clocks")
    versions: dict[str, str]
    machine: Machine
    reproduce: Reproduce
    stage: Literal["planned", "executed", "judged"] = "planned"

    def slo(self, name: str) -> Slo | None:
        """Return the SLO of that name, if there is one."""
        return next((slo for slo in self.slos if slo.name == name), None)
