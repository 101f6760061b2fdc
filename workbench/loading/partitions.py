"""A partition in a scenario becomes the faults that it is made of: nobody after loading knows partitions."""

from __future__ import annotations

from workbench.errors import Problem
from workbench.loading.overrides import Overridden
from workbench.loading.source import nearest
from workbench.model.faults import FaultSpec
from workbench.model.faults.partition import Partition
from workbench.model.scenario import Scenario
from workbench.model.system import System


def in_parts(given: Overridden, scenario: Scenario, system: System) -> tuple[Scenario, list[Problem]]:
    """Return the scenario with every partition replaced, and what is wrong with them."""
    problems: list[Problem] = []
    faults: list[FaultSpec] = []
    edges = [edge.name for edge in system.edges]
    taken = {fault.id for fault in scenario.faults}
    for index, fault in enumerate(scenario.faults):
        if not isinstance(fault, Partition):
            faults.append(fault)
            continue
        for at, name in enumerate(fault.services):
            if name not in system.services:
                known = nearest(name, list(system.services))
                problems.append(given.problem(("faults", index, "services", at), f"unknown service {name!r}{known}"))
        parts = fault.parts(edges)
        if not parts and not problems:
            message = "cuts nothing: no edge leads across its border; name fewer services, or another direction"
            problems.append(given.problem(("faults", index, "services"), message))
        for part in parts:
            if part.id in taken:
                message = f"part {part.id} of partition {fault.id} has the id of another fault"
                problems.append(given.problem(("faults", index, "id"), message))
            taken.add(part.id)
        faults += parts
    return scenario.model_copy(update={"faults": faults}), problems
