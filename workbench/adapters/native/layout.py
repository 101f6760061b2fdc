"""A system file turned into processes with addresses: placeholders filled in, edges wired to their listeners."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.adapters.native.ports import Ports
from workbench.adapters.native.tools import spans_url, tool_processes, tool_urls, toxiproxy
from workbench.adapters.obstacles import obstacles
from workbench.errors import UsageError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import RuntimeName
from workbench.model.stack import EdgeAddress, ResourceAddress, RunningStack
from workbench.model.system import System
from workbench.supervisor.spec import PlaneSpec, ProcessSpec, StackSpec

_OWN_MODULES = ["workbench.faultproxy.main", "workbench.collector.main"]
_PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([a-z][a-z0-9-]*))?\}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the processes of a stack see around them."""

    host: Callable[[str], str]
    """Name of the machine that a service, by name, listens on."""
    plane: str
    """Name of the machine that the edges listen on."""
    python: str
    system: str
    """Folder of the system file."""
    data: Callable[[str], str]
    """Folder of a service's own."""
    spans_to: str
    """Base URL of who takes spans."""


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
) -> StackSpec:
    """Return everything the supervisor needs to start the system.

    Raises EnvironmentFailure if the fault plane that is asked for is not on this machine.
    """
    system = loaded.system
    stack = running_stack(loaded, ports, stack_id=stack_id, token=token, owned=owned, bugs=bugs, plane=plane)
    common = variables(stack)
    around = Surroundings(
        host=lambda _: "127.0.0.1",
        plane="127.0.0.1",
        python=sys.executable,
        system=str(loaded.folder),
        data=lambda name: str(state / "data" / name),
        spans_to=stack.collector_url,
    )
    services = [_service(name, loaded, ports, state, around, common=common) for name in system.services]
    serving = (
        own_process("faultproxy", ports.plane, state, common) if plane is PlaneName.BUILTIN else toxiproxy(ports, state)
    )
    return StackSpec(
        state_folder=str(state),
        stack=stack.model_dump(mode="json"),
        control_port=ports.control,
        token=token,
        planes=[
            PlaneSpec(
                serving.name,
                stack.plane_url,
                [
                    {"name": name, "listen": edge.listener, "upstream": edge.upstream, "protocol": edge.protocol}
                    for name, edge in stack.edges.items()
                ],
            )
        ],
        collector_url=stack.collector_url,
        targets=targets(system, stack, state, live_token) | {"spans_to": spans_url(ports)},
        disturbances=disturbances(system, stack),
        processes=[
            serving,
            own_process("collector", ports.collector, state, common),
            *tool_processes(ports, state, _metrics_urls(system, stack)),
            *services,
        ],
        preload=[*_OWN_MODULES, *system.preload],
        path=[str(loaded.folder)],
        owned=owned,
        ready_within_s=system.ready_within.s,
    )


def running_stack(
    loaded: LoadedSystem,
    ports: Ports,
    *,
    stack_id: str,
    token: str,
    owned: bool,
    bugs: list[str],
    plane: PlaneName,
) -> RunningStack:
    """Return where everything will listen, as this machine sees it."""
    system = loaded.system
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.services.items()}
    return RunningStack(
        stack_id=stack_id,
        system=system.name,
        system_file=str(loaded.path),
        bugs=bugs,
        port_base=ports.base,
        services=urls,
        ports=_further_addresses(ports),
        edges={
            edge.name: EdgeAddress(
                listener=f"127.0.0.1:{ports.edges[edge.name]}",
                upstream=f"127.0.0.1:{ports.callee(edge)}",
                protocol=edge.protocol,
            )
            for edge in system.edges
        },
        resources=_resources(system, urls),
        control_url=f"http://127.0.0.1:{ports.control}",
        fault_plane=plane,
        plane_url=f"http://127.0.0.1:{ports.plane}",
        collector_url=f"http://127.0.0.1:{ports.collector}",
        token=token,
        abilities=sorted(plane.abilities - obstacles(RuntimeName.NATIVE).keys()),
        owned=owned,
        tools=tool_urls(ports),
    )


def variables(stack: RunningStack) -> dict[str, str]:
    """Return what every process of a stack is told."""
    return {
        "WORKBENCH_STACK": stack.stack_id,
        "WORKBENCH_TOKEN": stack.token,
        "WORKBENCH_BUGS": ",".join(stack.bugs),
    }


def own_process(name: str, port: int, state: Path, common: dict[str, str]) -> ProcessSpec:
    """Return how a part of the workbench itself is started."""
    return ProcessSpec(
        name=name,
        target=f"workbench.{name}.main:main",
        argv=[],
        environment={**common, "WORKBENCH_CONTROL_PORT": str(port)},
        cwd=str(state),
        log=str(state / "logs" / f"{name}.log"),
        ready_url=f"http://127.0.0.1:{port}/health",
        essential=True,
    )


def _service(
    name: str, loaded: LoadedSystem, ports: Ports, state: Path, around: Surroundings, *, common: dict[str, str]
) -> ProcessSpec:
    service = loaded.system.services[name]
    (state / "data" / name).mkdir(parents=True, exist_ok=True)
    return ProcessSpec(
        name=name,
        target=service.run,
        argv=[filled(part, name, loaded, ports, around) for part in service.command or []],
        environment=common | service_variables(name, loaded, ports, around),
        cwd=str(loaded.folder),
        log=str(state / "logs" / f"{name}.log"),
        ready_url=f"http://127.0.0.1:{ports.services[name]}{service.ready}",
    )


def service_variables(name: str, loaded: LoadedSystem, ports: Ports, around: Surroundings) -> dict[str, str]:
    """Return what a service is told: about its telemetry, its edges, and what the system file says."""
    telemetry = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": around.spans_to,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "300",
        "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    own = loaded.system.services[name].environment.items()
    edges = _edge_variables(loaded.system, name, ports, around)
    return telemetry | edges | {key: filled(text, name, loaded, ports, around) for key, text in own}


def filled(text: str, name: str, loaded: LoadedSystem, ports: Ports, around: Surroundings) -> str:
    """Return a text of the system file with its placeholders filled in, for one service. Raises UsageError."""

    def value(match: re.Match[str]) -> str:
        match match[1], match[2]:
            case "port", None:
                return str(ports.services[name])
            case "port", str(port) if (name, port) in ports.further:
                return str(ports.further[name, port])
            case "python", None:
                return around.python
            case "data", None:
                return around.data(name)
            case "system", None:
                return around.system
            case "url", str(other) if other in ports.services:
                return f"http://{around.host(other)}:{ports.services[other]}"
            case _:
                raise UsageError(
                    f"{loaded.path}: service {name}: unknown placeholder {match[0]}",
                    hint="known: {port} {port:NAME} {python} {data} {system} {url:SERVICE}",
                )

    return _PLACEHOLDER.sub(value, text)


def _further_addresses(ports: Ports) -> dict[str, dict[str, str]]:
    addresses: dict[str, dict[str, str]] = {}
    for (service, name), port in ports.further.items():
        addresses.setdefault(service, {})[name] = f"127.0.0.1:{port}"
    return addresses


def _edge_variables(system: System, caller: str, ports: Ports, around: Surroundings) -> dict[str, str]:
    addresses = {
        edge.env: (edge.protocol, f"{around.plane}:{ports.edges[edge.name]}")
        for edge in system.edges
        if edge.caller == caller
    }
    return {
        env: f"http://{address}" if protocol == "http" else address for env, (protocol, address) in addresses.items()
    }


def _metrics_urls(system: System, stack: RunningStack) -> dict[str, str]:
    return {
        name: f"{stack.services[name]}{service.metrics}"
        for name, service in system.services.items()
        if service.metrics is not None
    }


def disturbances(system: System, stack: RunningStack) -> dict[str, str]:
    """Return where services take disturbances of their resources."""
    return {
        name: f"{stack.services[name]}{service.disturb}"
        for name, service in system.services.items()
        if service.disturb is not None
    }


def _resources(system: System, urls: dict[str, str]) -> dict[str, ResourceAddress]:
    found = {}
    for name, resource in system.resources.items():
        paths = {service: system.services[service].disturb for service in resource.of}
        disturb = {service: f"{urls[service]}{path}" for service, path in paths.items() if path is not None}
        found[name] = ResourceAddress(kind=resource.kind, disturb=disturb, of=resource.of)
    return found


def targets(system: System, stack: RunningStack, state: Path, live_token: str) -> dict[str, Any]:
    """Return what the collector is told."""
    # A plane that does not end its faults takes none by hand.
    fault_planes = [stack.control_url, *([stack.plane_url] if stack.fault_plane.ends_faults else [])]
    return {
        "services": {name: {"metrics_url": url} for name, url in _metrics_urls(system, stack).items()},
        "masks": system.masks,
        "live": {
            "token": live_token,
            "stack_id": stack.stack_id,
            "system": system.model_dump(mode="json"),
            "state": str(state),
            "reports": str(state.parent / "reports"),
            "recordings": stack.recordings,
            "faults": {
                "lists": [f"{url}/faults" for url in fault_planes],
                "resources": {name: one.model_dump(mode="json") for name, one in stack.resources.items()},
            },
        },
    }
