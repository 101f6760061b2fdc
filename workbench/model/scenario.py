"""One experiment as a file: load, phases, faults, objectives, expectations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from workbench.model.arrivals import Burst
from workbench.model.base import Frozen, Misfits, Place
from workbench.model.expectations import ExpectationSpec
from workbench.model.faults import FaultSpec
from workbench.model.faults.base import ServiceFault
from workbench.model.faults.surge import Surge
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
        problems = [*self._phase_problems(), *self._reference_problems(), *self._fault_problems()]
        problems += self._clashing_faults()
        if not (self.steady_state or self.slos or self.expect):
            problems.append(((), "nothing is judged: give steady_state, slos or expect"))
        if problems:
            raise Misfits(problems)
        return self

    def _phase_problems(self) -> Iterator[tuple[Place, str]]:
        order = {"warmup": 0, "baseline": 1, "fault": 2, "recovery": 3}
        names: set[str] = set()
        highest = 0
        for index, phase in enumerate(self.phases):
            if phase.name in names:
                yield ("phases", index, "name"), f"phase {phase.name} is there twice"
            names.add(phase.name)
            if order[phase.role] < highest:
                said = f"phase {phase.name} comes too late: the order is warmup, baseline, fault phases, recovery"
                yield ("phases", index, "name"), said
            highest = max(highest, order[phase.role])
            if phase.duration == 0:
                yield ("phases", index, "duration"), f"phase {phase.name} lasts no time"

    def _reference_problems(self) -> Iterator[tuple[Place, str]]:
        """Yield every phase that is named and is not there."""
        named: list[tuple[Place, str]] = []
        for index, slo in enumerate(self.slos):
            named += [(("slos", index, "phases", at), name) for at, name in enumerate(slo.phases)]
        for index, expectation in enumerate(self.expect):
            phase: str | None = getattr(expectation, "phase", None)
            if phase is not None:
                named.append((("expect", index, "phase"), phase))
        named += [(("faults", index, "phase"), fault.phase) for index, fault in enumerate(self.faults)]
        known = [phase.name for phase in self.phases]
        for place, name in named:
            if name not in known:
                yield place, f"there is no phase {name!r}; there are: {', '.join(known)}"

    def _fault_problems(self) -> Iterator[tuple[Place, str]]:
        ids: set[str] = set()
        for index, fault in enumerate(self.faults):
            if fault.id in ids:
                yield ("faults", index, "id"), f"fault id {fault.id} is there twice"
            ids.add(fault.id)
            phase = self.phase(fault.phase)
            if phase is None:
                continue
            start, duration = fault.schedule.start, fault.schedule.duration
            end = start if duration is None else start + duration  # without a duration it ends with its phase
            if phase.role != "fault":
                yield ("faults", index, "phase"), f"{phase.name} has to stay free of faults"
            elif start >= phase.duration or end > phase.duration:
                yield ("faults", index, "schedule"), f"reaches beyond phase {phase.name}, which lasts {phase.duration}"
            if duration == 0:
                yield ("faults", index, "schedule", "duration"), f"fault {fault.id} would last no time"

    def bursts(self) -> list[Burst]:
        """Return the arrivals that its surges bring, at nominal times."""
        starts, at = {}, 0
        for phase in self.phases:
            starts[phase.name] = at
            at += phase.duration
        found = []
        for fault in self.faults:
            if isinstance(fault, Surge):
                start = starts[fault.phase] + fault.schedule.start
                declared = self.phase(fault.phase)
                assert declared is not None  # see _reference_problems
                lasts = fault.schedule.duration
                end = starts[fault.phase] + declared.duration if lasts is None else start + lasts
                factor = 1.0 if fault.factor is None else fault.factor
                at_once = 0 if fault.at_once is None else fault.at_once
                found.append(Burst(fault.id, start, end, factor, fault.shape == "ramp", at_once))
        return found

    def _clashing_faults(self) -> Iterator[tuple[Place, str]]:
        """Yield the faults on a service that is disturbed by another one at that moment."""
        others: list[tuple[ServiceFault, int, int]] = []
        for index, fault in enumerate(self.faults):
            phase = self.phase(fault.phase)
            if phase is None or not isinstance(fault, ServiceFault):
                continue
            start = fault.schedule.start
            end = phase.duration if fault.schedule.duration is None else start + fault.schedule.duration
            for other, other_start, other_end in others:
                same = (other.service, other.phase) == (fault.service, fault.phase)
                if same and start < other_end and other_start < end:
                    said = f"{fault.service} is disturbed by {other.id} at that time, and a service takes one at once"
                    yield ("faults", index, "service"), f"{said}; let one end before the other starts (`schedule`)"
            others.append((fault, start, end))

    def phase(self, name: str) -> Phase | None:
        """Return the phase of that name, if there is one."""
        return next((phase for phase in self.phases if phase.name == name), None)
