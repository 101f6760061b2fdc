"""An order for a fault turned into the deed that carries it out, on what the order names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.supervisor.children import Children
from workbench.supervisor.container_deeds import deed_on_container
from workbench.supervisor.containers import Containers
from workbench.supervisor.deeds import Deed, deed_for
from workbench.supervisor.edges import Edges
from workbench.supervisor.guard import Guard
from workbench.supervisor.planes import TOXIPROXY, Plane
from workbench.supervisor.server_deeds import OnTheWire
from workbench.supervisor.spec import PlaneSpec, ProcessSpec, StackSpec
from workbench.supervisor.wire import ProcessFaultOrder


class UnknownTarget(Exception):
    """There is no such service in this stack, and no such server."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What orders are carried out with. `bring_back` has a service running and ready that was ended."""

    spec: StackSpec
    children: Children
    containers: Containers | None
    guard: Guard
    edges: Mapping[str, Edges]
    bring_back: Callable[[ProcessSpec], None]
    opening: threading.Lock = field(default_factory=threading.Lock)
    """Of all deeds on servers."""

    def deed(self, order: ProcessFaultOrder) -> Deed:
        """Return what is to be done. Raises UnknownTarget; ValueError, KeyError or TypeError for no known action."""
        if order.action["do"] == "toxics":
            return self._in_front(order)
        process = next((p for p in self.spec.processes if p.name == order.service and not p.essential), None)
        if process is None:
            raise UnknownTarget(f"there is no service {order.service}")
        if process.container and self.containers is not None:
            deed = deed_on_container(order.action, process, self.children, self.containers)
            if deed is not None:
                return deed
        return deed_for(order.action, process, self.children, self.guard, self.bring_back)

    def _in_front(self, order: ProcessFaultOrder) -> Deed:
        plane = next((plane for plane in self.spec.planes if _stands_before(plane, order.service)), None)
        if plane is None:
            raise UnknownTarget(f"there is no Toxiproxy in front of {order.service}")
        return OnTheWire(
            Plane(plane.name, plane.url, self.spec.token),
            order.service,
            order.action,
            self.edges[plane.name].open_all,
            self.opening,
        )


def _stands_before(plane: PlaneSpec, server: str) -> bool:
    return plane.name == TOXIPROXY and server in [proxy["name"] for proxy in plane.proxies]
