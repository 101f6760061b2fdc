"""Who makes a fault: decided by the plan, from what the fault is and what its target has around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from workbench.model.faults.base import FaultBase
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.names import Name
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, Profile, RuntimeName
from workbench.model.system import System

Servers = Mapping[Name, Collection[Name]]
"""The resources that are real servers with Toxiproxy in front of them, each with the services that use it."""

NO_SERVERS: Servers = {}


class Maker(StrEnum):
    """Who makes a fault."""

    FAULTPROXY = "faultproxy"
    TOXIPROXY = "toxiproxy"
    SUPERVISOR = "supervisor"
    SERVICES = "services"
    LOAD = "load"

    @property
    def in_words(self) -> str:
        """Say who that is, as it follows `made by`."""
        return _WORDS[self]


_WORDS: Mapping[Maker, str] = {
    Maker.FAULTPROXY: "the built-in fault plane",
    Maker.TOXIPROXY: "Toxiproxy",
    Maker.SUPERVISOR: "the supervisor",
    Maker.SERVICES: "the services, at their own clients",
    Maker.LOAD: "the load",
}


def servers_of(system: System, placement: Placement) -> Servers:
    """Return the resources that have a real server behind Toxiproxy where the system is to run."""
    if placement.runtime is not RuntimeName.DOCKER or placement.profile is not Profile.FULL:
        return {}
    return {name: resource.of for name, resource in system.resources.items() if resource.server is not None}


def maker_of(fault: FaultBase, plane: PlaneName, servers: Servers) -> Maker:
    """Return who makes a fault in a stack whose edges `plane` serves."""
    if isinstance(fault, ResourceFault):
        behind = fault.resource in servers and fault.can_be_on_the_wire(servers[fault.resource])
        return Maker.TOXIPROXY if behind else Maker.SERVICES
    match fault.level:
        case "process":
            return Maker.SUPERVISOR
        case "load":
            return Maker.LOAD
        case _:
            return Maker.FAULTPROXY if plane is PlaneName.BUILTIN else Maker.TOXIPROXY
