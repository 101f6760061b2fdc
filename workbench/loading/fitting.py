"""What a fault asks for, and what its edge is: one that acts on requests has nothing to act on where there are none."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.model.faults.base import Ability, EdgeFault, FaultBase, RequestFault
from workbench.model.system import System


def misfits(fault: FaultBase, system: System) -> Iterator[tuple[str, str]]:
    """Yield the keys of a fault that its edge cannot do with, each with the reason and the remedy if there is one."""
    edge = system.edge(fault.edge) if isinstance(fault, EdgeFault) else None
    if edge is None or edge.protocol != "tcp":
        return
    if isinstance(fault, RequestFault) and fault.share < 1:
        no_requests = f"`share` is of requests, and {edge.name} is an edge of protocol tcp, which has none"
        yield "share", f"{no_requests}; use `connection_share: {fault.share}`"
    if Ability.HTTP in fault.abilities_needed():
        yield (
            "kind",
            f"{fault.kind} as declared here needs requests, and {edge.name} is an edge of protocol tcp, not http",
        )
