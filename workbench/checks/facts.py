"""What is known of a system and a scenario before the run, and how to say what is missing from it.

Every sentence here says what is lacking and what would mend it: it is all a user reads when a scenario is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.model.plan import Plan
from workbench.model.policies import EdgePolicy, Policies
from workbench.model.run import RunRecord
from workbench.model.scenario import Role, Scenario
from workbench.model.slo import Slo
from workbench.model.system import System
from workbench.model.tools import Tool


@dataclass(frozen=True, slots=True)
class Facts:
    """What checks may ask for while planning.

    `policies` is None until the services have been asked; then only what system.yaml promises is looked at.
    """

    scenario: Scenario
    system: System
    slos: tuple[Slo, ...]
    policies: Policies | None
    traced: frozenset[str]
    scraped: frozenset[str]
    audited: frozenset[str]
    tools: frozenset[Tool] = frozenset()
    """Real tools that stand beside the stack."""

    @classmethod
    def declared(cls, scenario: Scenario, system: System, slos: tuple[Slo, ...], tools: Iterable[Tool] = ()) -> Facts:
        """Return what the files declare."""
        services = system.services.items()
        return cls(
            scenario=scenario,
            system=system,
            slos=slos,
            policies=None,
            traced=frozenset(name for name, service in services if service.traces),
            scraped=frozenset(name for name, service in services if service.metrics is not None),
            audited=frozenset(name for name, service in services if service.audit is not None),
            tools=frozenset(tools),
        )

    @classmethod
    def of_run(cls, run: RunRecord) -> Facts:
        """Return what a run was made of."""
        return cls(
            scenario=run.scenario,
            system=run.system,
            slos=tuple(run.slos),
            policies=run.policies,
            traced=frozenset(run.traced),
            scraped=frozenset(run.scraped),
            audited=frozenset(run.audited),
            tools=frozenset(run.tools),
        )

    def slo(self, name: str) -> Slo | None:
        """Return the SLO of that name, if there is one."""
        return next((slo for slo in self.slos if slo.name == name), None)

    def policy(self, edge: str) -> EdgePolicy | None:
        """Return what is known of the caller's policy on an edge: what it says, else what system.yaml says."""
        if self.policies is not None and edge in self.policies.edges:
            return self.policies.edges[edge]
        declared = self.system.edge(edge)
        return declared.policy if declared is not None else None

    def phases_of(self, role: Role) -> list[str]:
        """Return the names of the phases of one role."""
        return [phase.name for phase in self.scenario.phases if phase.role == role]

    def fault_phases(self, edge: str | None, phase: str | None) -> list[str]:
        """Return the phases that have a fault (on that edge), in order; or only the one that is asked for."""
        names = {fault.phase for fault in self.scenario.faults if edge is None or fault.touches(edge)}
        return [p.name for p in self.scenario.phases if p.name in names and phase in (None, p.name)]


def planned(plan: Plan, phase: str, journey: str | None = None) -> int:
    """Return how many arrivals a plan has in a phase, of one journey or of all."""
    slot = plan.phase(phase)
    if slot is None:
        return 0
    return sum(number for name, number in slot.arrivals.items() if journey in (None, name))


def lacks_phase(facts: Facts, role: Role, why: str) -> list[str]:
    """Say that a phase is missing."""
    if facts.phases_of(role):
        return []
    return [f"{why} needs a phase `{role}`; add one to `phases`"]


def lacks_slo(facts: Facts, name: str, target: float | None) -> list[str]:
    """Say what keeps an SLO from being judged."""
    slo = facts.slo(name)
    if slo is None:
        known = ", ".join(sorted(s.name for s in facts.slos)) or "none"
        return [f"there is no SLO {name!r}; known are: {known}"]
    if slo.promql is not None:
        return lacks_tool(facts, Tool.PROMETHEUS, f"SLO {name}, which Prometheus counts,")
    problems = lacks_journey(facts, slo.journey, f"SLO {name}")
    if (slo.target if target is None else target) >= 1:
        problems.append(f"SLO {name}: no number of samples shows 100 %; give a target below it, such as 99.9 %")
    return problems


def lacks_tool(facts: Facts, tool: Tool, what: str) -> list[str]:
    """Say that a real tool is not there."""
    return [] if tool in facts.tools else [f"{what} needs the real {tool.capitalize()}; --with {tool} starts one"]


def lacks_journey(facts: Facts, journey: str, what: str) -> list[str]:
    """Say that nobody makes a journey."""
    if journey in facts.scenario.load.mix:
        return []
    return [f"{what} is about journey {journey!r}, which the load does not contain; add it to `load.mix`"]


def lacks_fault(facts: Facts, edge: str, phase: str | None, what: str) -> list[str]:
    """Say that an edge does not exist, or that nothing disturbs it."""
    if facts.system.edge(edge) is None:
        known = ", ".join(e.name for e in facts.system.edges) or "none"
        return [f"{what}: there is no edge {edge!r}; the system has: {known}"]
    if facts.fault_phases(edge, phase):
        return []
    where = "" if phase is None else f" in phase {phase}"
    return [f"{what} needs a fault on {edge}{where}; add one to `faults`, or drop the expectation"]


def lacks_policy(facts: Facts, edge: str, part: str, what: str) -> list[str]:
    """Say that the caller's policy, or a `part` of it (`timeout`, `breaker`, or empty), is not known."""
    caller = edge.split(":", maxsplit=1)[0]
    policy = facts.policy(edge)
    if policy is None:
        service = facts.system.services.get(caller)
        if facts.policies is None and service is not None and service.policies is not None:
            return []  # the service will say when it is asked
        lack = f"{what} needs the policy of {caller} on {edge}; write `policy:` at the edge in system.yaml,"
        return [f"{lack} or export it and give the address as `policies:` of service {caller}"]
    if part and getattr(policy, part) is None:
        return [f"{what}: {caller} has no {part} on {edge}, so there is nothing to judge; add it to the policy"]
    return []


def lacks_traces(facts: Facts, edge: str, what: str) -> list[str]:
    """Say that the calls of an edge cannot be seen."""
    caller = edge.split(":", maxsplit=1)[0]
    if caller in facts.traced:
        return []
    lack = f"{what} needs spans of {caller}, to know which attempts belong to one call;"
    return [f"{lack} send OTLP/HTTP spans and say `traces: true` at service {caller}"]
