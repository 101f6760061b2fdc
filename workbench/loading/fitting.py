"""What a fault asks for, and what its edge or its resource is: each misfit with the key that it is about."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.model.faults.base import Ability, EdgeFault, FaultBase, RequestFault
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.system import Edge, System


def misfits(fault: FaultBase, system: System) -> Iterator[tuple[str, str]]:
    """Yield the keys of a fault that its target cannot do with, each with the reason and the remedy if there is one."""
    if isinstance(fault, EdgeFault):
        edge = system.edge(fault.edge)
        if edge is not None and edge.protocol == "tcp":
            yield from _without_requests(fault, edge)
    elif isinstance(fault, ResourceFault) and fault.resource in system.resources:
        yield from _on_resource(fault, system)


def _without_requests(fault: EdgeFault, edge: Edge) -> Iterator[tuple[str, str]]:
    """One that acts on requests has nothing to act on where there are none."""
    if isinstance(fault, RequestFault) and fault.share < 1:
        no_requests = f"`share` is of requests, and {edge.name} is an edge of protocol tcp, which has none"
        yield "share", f"{no_requests}; use `connection_share: {fault.share}`"
    if Ability.HTTP in fault.abilities_needed():
        yield (
            "kind",
            f"{fault.kind} as declared here needs requests, and {edge.name} is an edge of protocol tcp, not http",
        )


def _on_resource(fault: ResourceFault, system: System) -> Iterator[tuple[str, str]]:
    resource = system.resources[fault.resource]
    if resource.kind != fault.is_on:
        others = [name for name, other in system.resources.items() if other.kind == fault.is_on]
        remedy = f"; the system has: {', '.join(others)}" if others else ""
        yield "resource", f"{fault.kind} is done to a {fault.is_on}, and {fault.resource} is a {resource.kind}{remedy}"
    strangers = [name for name in fault.services if name not in resource.of]
    if strangers:
        users = ", ".join(resource.of)
        yield "services", f"{', '.join(strangers)} does not use {fault.resource}, which is of: {users}"
    for name in fault.services or resource.of:
        if name in system.services and system.services[name].disturb is None:
            lack = f"{name} takes no disturbances; give the address as `disturb:` of the service in system.yaml"
            yield "resource", lack
