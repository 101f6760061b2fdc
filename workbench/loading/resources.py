"""A fault on a resource is given the services that use it: nobody after loading has to ask the system for them."""

from __future__ import annotations

from workbench.model.faults.base import FaultBase
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.scenario import Scenario
from workbench.model.system import System


def with_users(scenario: Scenario, system: System) -> Scenario:
    """Return the scenario with every fault on a resource naming its services; unknown resources stay as they are."""
    return scenario.model_copy(update={"faults": [used(fault, system) for fault in scenario.faults]})


def used(fault: FaultBase, system: System) -> FaultBase:
    """Return one fault so."""
    if not isinstance(fault, ResourceFault) or fault.resource not in system.resources:
        return fault
    resource = system.resources[fault.resource]
    return fault.used_by(resource.of, resource.receivers)
