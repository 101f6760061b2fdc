"""Real servers of a system: Toxiproxy in front of each resource, and what its services are told about it."""

from __future__ import annotations

import itertools
from typing import Any

from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.supervisor.planes import TOXIPROXY

_FIRST_PORT = 20_000


def listeners(system: System) -> dict[str, int]:
    """Return the port at which Toxiproxy stands in front of each resource that has a server."""
    behind = [name for name, resource in system.resources.items() if resource.server is not None]
    return dict(zip(behind, itertools.count(_FIRST_PORT), strict=False))


def containers(system: System) -> list[str]:
    """Return the names of the servers, each once."""
    servers = [resource.server for resource in system.resources.values() if resource.server is not None]
    return sorted({server.partition(":")[0] for server in servers})


def proxies(system: System) -> list[dict[str, Any]]:
    """Return what Toxiproxy is told to make."""
    return [
        {"name": name, "listen": f"0.0.0.0:{port}", "upstream": system.resources[name].server, "enabled": True}
        for name, port in listeners(system).items()
    ]


def service_variables(system: System, service: str, stack: RunningStack) -> dict[str, str]:
    """Return what a service is told about the servers that it uses."""
    told: dict[str, str] = {}
    for name, port in listeners(system).items():
        if service in system.resources[name].of:
            places = {"{address}": f"{TOXIPROXY}:{port}", "{password}": stack.token}
            for key, text in system.resources[name].environment.items():
                for place, value in places.items():
                    text = text.replace(place, value)  # noqa: PLW2901 - one place after the other
                told[key] = text
    return told
