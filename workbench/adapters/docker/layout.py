"""A system file turned into containers with addresses, for the supervisor that starts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.adapters.docker import compose, engine, images, leftovers, servers
from workbench.adapters.docker.naming import PLANE, RELAY, container
from workbench.adapters.docker.tools import tool_processes
from workbench.adapters.native.layout import disturbances, own_process, running_stack, targets, variables
from workbench.adapters.native.ports import Ports
from workbench.adapters.native.tools import spans_url
from workbench.adapters.obstacles import obstacles
from workbench.errors import UsageError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, Profile, RuntimeName
from workbench.model.stack import EdgeAddress, InsideAddress, ResourceAddress, RunningStack
from workbench.model.system import Edge, System
from workbench.supervisor.planes import TOXIPROXY
from workbench.supervisor.spec import ComposeSpec, PlaneSpec, ProcessSpec, StackSpec


def stack_spec(
    loaded: LoadedSystem,
    ports: Ports,
    state: Path,
    *,
    stack_id: str,
    token: str,
    owned: bool,
    bugs: list[str],
    plane: PlaneName,
    live_token: str,
    placement: Placement,
) -> StackSpec:
    """Return everything the supervisor needs to start the system as containers.

    Containers that an earlier stack of this folder has left behind are removed. Raises EnvironmentFailure for an engine
    or an image that is not there.
    """
    system, file = loaded.system, compose.compose_file(loaded)
    reached = engine.reach()
    chosen = compose.profiles(placement, plane, ports.tools)
    project = engine.resolved(compose.command(file, chosen))
    wanted = [*system.services, RELAY, PLANE if plane is PlaneName.BUILTIN else TOXIPROXY, *ports.tools]
    if placement.profile is Profile.FULL:
        wanted += [*servers.containers(system), TOXIPROXY]
    missing = [name for name in wanted if name not in project["services"]]
    if missing:
        raise UsageError(
            f"{file} has no service {', '.join(missing)}", hint="docs/how-to/docker.md says which it needs"
        )
    exact = images.looked_at(reached, project, file.parent)
    leftovers.remove(state)
    stack = running_stack(loaded, ports, stack_id=stack_id, token=token, owned=owned, bugs=bugs, plane=plane)
    stack = stack.model_copy(
        update={
            "runtime": RuntimeName.DOCKER,
            "profile": placement.profile,
            "abilities": sorted(set(stack.abilities) - obstacles(RuntimeName.DOCKER).keys()),
            "recordings": str(_recordings(state)),
            "resources": {name: _address(name, system, stack, placement) for name in stack.resources},
            "edges": {edge.name: _edge(edge, stack, ports) for edge in system.edges},
        }
    )
    overlay = state / "compose.json"
    for path, text in (
        (overlay, compose.overlay(loaded, ports, stack, project, exact=exact, state=state)),
        (state / "compose.env", f"WORKBENCH_TOKEN={token}\n"),
    ):
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    name = f"workbench-{stack_id}"
    return StackSpec(
        state_folder=str(state),
        stack=stack.model_dump(mode="json"),
        control_port=ports.control,
        token=token,
        planes=_planes(system, ports, stack),
        collector_url=stack.collector_url,
        targets=targets(system, stack, state, live_token)
        | {"relay": f"127.0.0.1:{ports.relay}", "spans_to": spans_url(ports)},
        disturbances=disturbances(system, stack),
        processes=[
            *_plane_containers(stack, ports, state),
            container(RELAY, state, "", essential=True),
            own_process("collector", ports.collector, state, variables(stack)),
            *(container(name, state, "", essential=True) for name in _real(system, stack)),
            *tool_processes(system, ports, state),
            *(
                container(service, state, f"{stack.services[service]}{system.services[service].ready}")
                for service in system.services
            ),
        ],
        preload=["workbench.collector.main"],
        path=[],
        owned=owned,
        ready_within_s=system.ready_within.s,
        compose=ComposeSpec(name, compose.command(file, chosen, name, overlay), str(overlay)),
    )


def _address(name: str, system: System, stack: RunningStack, placement: Placement) -> ResourceAddress:
    """Return a resource as it is here: in profile full behind Toxiproxy, if it has a server."""
    server = system.resources[name].server if placement.profile is Profile.FULL else None
    return stack.resources[name].model_copy(update={"server": server})


def _edge(edge: Edge, stack: RunningStack, ports: Ports) -> EdgeAddress:
    """Return an edge as it is here: for this machine, and for containers."""
    inside = InsideAddress(
        listener=f"{compose.surroundings(stack.fault_plane).plane}:{ports.edges[edge.name]}",
        upstream=f"{edge.callee}:{ports.callee(edge)}",
        relay=f"127.0.0.1:{ports.relay}",
    )
    return stack.edges[edge.name].model_copy(update={"inside": inside})


def _real(system: System, stack: RunningStack) -> list[str]:
    return servers.containers(system) if stack.profile is Profile.FULL else []


def _planes(system: System, ports: Ports, stack: RunningStack) -> list[PlaneSpec]:
    """Return the plane on the edges, and Toxiproxy in front of real servers, which may be the same one."""
    edges: list[dict[str, Any]] = [
        {
            "name": edge.name,
            "listen": f"0.0.0.0:{ports.edges[edge.name]}",
            "upstream": f"{edge.callee}:{ports.callee(edge)}",
            "protocol": edge.protocol,
        }
        for edge in system.edges
    ]
    before_servers = servers.proxies(system) if stack.profile is Profile.FULL else []
    if stack.fault_plane is PlaneName.TOXIPROXY:
        return [PlaneSpec(TOXIPROXY, stack.plane_url, edges + before_servers)]
    planes = [PlaneSpec(PLANE, stack.plane_url, edges)]
    if before_servers:
        planes.append(PlaneSpec(TOXIPROXY, f"http://127.0.0.1:{ports.resources}", before_servers))
    return planes


def _plane_containers(stack: RunningStack, ports: Ports, state: Path) -> list[ProcessSpec]:
    if stack.fault_plane is PlaneName.TOXIPROXY:
        return [container(TOXIPROXY, state, f"{stack.plane_url}/version", essential=True)]
    own = [container(PLANE, state, f"{stack.plane_url}/health", essential=True)]
    if stack.profile is Profile.FULL:
        own.append(container(TOXIPROXY, state, f"http://127.0.0.1:{ports.resources}/version", essential=True))
    return own


def _recordings(state: Path) -> Path:
    """Make the folder that the fault plane writes to; the one above it is closed to everybody else."""
    folder = state / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
