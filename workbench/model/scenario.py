"""One experiment as a file: load, phases, faults, objectives, expectations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from workbench.model.base import Frozen
from workbench.model.expectations import ExpectationSpec
from workbench.model.faults import FaultSpec
from workbench.model.load import Load
from workbench.model.names import Name
from workbench.model.units import Duration, Ratio

Role = Literal["warmup", "baseline", "fault", "recovery"]


class Phase(Frozen):
    """A named stretch of a run. Any name but `warmup`, `baseline` and `recovery` makes it a fault phase."""

    name: Name
    duration: Duration

    @property
    def role(self) -> Role:
        match self.name:
            case "warmup":
                return "warmup"
            case "baseline":
                return "baseline"
            case "recovery":
                return "recovery"
            case _:
                return "fault"


class SteadyState(Frozen):
    """An SLO that must hold in baseline, and again in recovery from the moment of recovery on."""

    slo: Name
    target: Ratio | None = Field(default=None, description="default: the objective of the SLO")
    expected: Ratio = Field(default=Ratio(0.995), description="what a healthy system is expected to reach")


class SloInPhases(Frozen):
    """An SLO judged over whole phases."""

    slo: Name
    phases: list[Name] = Field(min_length=1)
    target: Ratio | None = Field(default=None, description="default: the objective of the SLO")
    expected: Ratio = Field(default=Ratio(0.995), description="what a healthy system is expected to reach")


class AbortWhen(Frozen):
    """End the run early, as FAIL, when users suffer beyond what the experiment is worth."""

    slo: Name
    below: Ratio
    for_: Duration = Field(alias="for", description="so long without a break")


class Scenario(Frozen):
    """One experiment. A file in `scenarios/`."""

    version: Literal[1]
    name: Name
    title: str = Field(min_length=1, description="the claim, in a few words")
    hypothesis: str = Field(min_length=1, description="what should happen, in one sentence; printed before the run")
    watch: list[str] = Field(default_factory=list, description="what to look at while it runs")
    labels: dict[str, str] = Field(default_factory=dict, description="for `workbench list -l key=value`")
    system: str = Field(description="name of an installed system such as `shop`, or path of a system.yaml")
    seed: int = Field(default=1, ge=0)
    load: Load
    phases: list[Phase] = Field(min_length=1)
    faults: list[FaultSpec] = Field(default_factory=list)
    steady_state: list[SteadyState] = Field(default_factory=list)
    slos: list[SloInPhases] = Field(default_factory=list)
    expect: list[ExpectationSpec] = Field(default_factory=list)
    abort_when: list[AbortWhen] = Field(default_factory=list)

    @model_validator(mode="after")
    def _holds_together(self) -> Scenario:
        problems = [*self._phase_problems(), *self._fault_problems()]
        if not (self.steady_state or self.slos or self.expect):
            problems.append("nothing is judged: give steady_state, slos or expect")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _phase_problems(self) -> list[str]:
        names = [phase.name for phase in self.phases]
        problems = [f"phase {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
        order = {"warmup": 0, "baseline": 1, "fault": 2, "recovery": 3}
        ranks = [order[phase.role] for phase in self.phases]
        if ranks != sorted(ranks):
            problems.append("phases must come in the order warmup, baseline, fault phases, recovery")
        problems += [f"phase {phase.name} lasts no time" for phase in self.phases if phase.duration == 0]
        named = [(f"slos: {s.slo}", name) for s in self.slos for name in s.phases]
        for expectation in self.expect:
            phase: str | None = getattr(expectation, "phase", None)
            if phase is not None:
                named.append((f"expect: {expectation.kind}", phase))
        problems += [f"{where}: there is no phase {name!r}" for where, name in named if name not in names]
        return problems

    def _fault_problems(self) -> list[str]:
        ids = [fault.id for fault in self.faults]
        problems = [f"fault id {i} is there twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        lengths = {phase.name: phase for phase in self.phases}
        for fault in self.faults:
            phase = lengths.get(fault.phase)
            if phase is None:
                problems.append(f"fault {fault.id}: there is no phase {fault.phase!r}")
            elif phase.role != "fault":
                problems.append(f"fault {fault.id}: {phase.name} has to stay free of faults")
            elif fault.schedule.start + (fault.schedule.duration or 0) > phase.duration or (
                fault.schedule.start >= phase.duration
            ):
                problems.append(f"fault {fault.id}: its schedule reaches beyond phase {phase.name}")
        return problems

    def phase(self, name: str) -> Phase | None:
        """Return the phase of that name, if there is one."""
        return next((phase for phase in self.phases if phase.name == name), None)
