"""A system file turned into processes with addresses: placeholders filled in, edges wired to their listeners."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from workbench.adapters.native.ports import Ports
from workbench.adapters.native.tools import spans_url, tool_processes, tool_urls, toxiproxy
from workbench.errors import UsageError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.faults.base import Ability
from workbench.model.planes import PlaneName
from workbench.model.stack import EdgeAddress, ResourceAddress, RunningStack
from workbench.model.system import Service, System
from workbench.supervisor.spec import ProcessSpec, StackSpec

_OWN_MODULES = ["workbench.faultproxy.main", "workbench.collector.main"]
_PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([a-z][a-z0-9-]*))?\}")


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
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.services.items()}
    stack = RunningStack(
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
        abilities=[ability for ability in _abilities() if ability in plane.abilities],
        owned=owned,
        tools=tool_urls(ports),
    )
    common = {"WORKBENCH_STACK": stack_id, "WORKBENCH_TOKEN": token, "WORKBENCH_BUGS": ",".join(bugs)}
    services = [
        _service(
            name,
            service,
            loaded=loaded,
            ports=ports,
            state=state,
            environment=common | _edge_variables(system, name, ports),
        )
        for name, service in system.services.items()
    ]
    serving = _own("faultproxy", ports.plane, state, common) if plane is PlaneName.BUILTIN else toxiproxy(ports, state)
    return StackSpec(
        state_folder=str(state),
        stack=stack.model_dump(mode="json"),
        control_port=ports.control,
        token=token,
        plane=serving.name,
        plane_url=stack.plane_url,
        collector_url=stack.collector_url,
        proxies=[
            {"name": name, "listen": edge.listener, "upstream": edge.upstream, "protocol": edge.protocol}
            for name, edge in stack.edges.items()
        ],
        targets=_targets(system, urls)
        | {
            "spans_to": spans_url(ports),
            "live": {
                "token": live_token,
                "stack_id": stack_id,
                "system": system.model_dump(mode="json"),
                "state": str(state),
                "reports": str(state.parent / "reports"),
            },
        },
        disturbances={
            name: f"{urls[name]}{service.disturb}"
            for name, service in system.services.items()
            if service.disturb is not None
        },
        processes=[
            serving,
            _own("collector", ports.collector, state, common),
            *tool_processes(ports, state, _metrics_urls(system, urls)),
            *services,
        ],
        preload=[*_OWN_MODULES, *system.preload],
        path=[str(loaded.folder)],
        owned=owned,
        ready_within_s=system.ready_within.s,
    )


def _abilities() -> list[Ability]:
    """Return what this machine lets us do to processes and connections, without asking for any privilege."""
    return [ability for ability in Ability if sys.platform == "linux" or ability is not Ability.MEMORY]


def _own(name: str, port: int, state: Path, common: dict[str, str]) -> ProcessSpec:
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
    name: str, service: Service, *, loaded: LoadedSystem, ports: Ports, state: Path, environment: dict[str, str]
) -> ProcessSpec:
    data = state / "data" / name
    data.mkdir(parents=True, exist_ok=True)

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(value, text)

    def value(match: re.Match[str]) -> str:
        match match[1], match[2]:
            case "port", None:
                return str(ports.services[name])
            case "port", str(port) if (name, port) in ports.further:
                return str(ports.further[name, port])
            case "python", None:
                return sys.executable
            case "data", None:
                return str(data)
            case "system", None:
                return str(loaded.folder)
            case "url", str(other) if other in ports.services:
                return f"http://127.0.0.1:{ports.services[other]}"
            case _:
                raise UsageError(
                    f"{loaded.path}: service {name}: unknown placeholder {match[0]}",
                    hint="known: {port} {port:NAME} {python} {data} {system} {url:SERVICE}",
                )

    telemetry = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports.collector}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "300",
        "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    own = {key: fill(text) for key, text in service.environment.items()}
    return ProcessSpec(
        name=name,
        target=service.run,
        argv=[fill(part) for part in service.command or []],
        environment={**telemetry, **environment, **own},
        cwd=str(loaded.folder),
        log=str(state / "logs" / f"{name}.log"),
        ready_url=f"http://127.0.0.1:{ports.services[name]}{service.ready}",
    )


def _further_addresses(ports: Ports) -> dict[str, dict[str, str]]:
    addresses: dict[str, dict[str, str]] = {}
    for (service, name), port in ports.further.items():
        addresses.setdefault(service, {})[name] = f"127.0.0.1:{port}"
    return addresses


def _edge_variables(system: System, caller: str, ports: Ports) -> dict[str, str]:
    return {
        edge.env: f"http://127.0.0.1:{ports.edges[edge.name]}"
        if edge.protocol == "http"
        else f"127.0.0.1:{ports.edges[edge.name]}"
        for edge in system.edges
        if edge.caller == caller
    }


def _metrics_urls(system: System, urls: dict[str, str]) -> dict[str, str]:
    return {
        name: f"{urls[name]}{service.metrics}"
        for name, service in system.services.items()
        if service.metrics is not None
    }


def _resources(system: System, urls: dict[str, str]) -> dict[str, ResourceAddress]:
    found = {}
    for name, resource in system.resources.items():
        paths = {service: system.services[service].disturb for service in resource.of}
        disturb = {service: f"{urls[service]}{path}" for service, path in paths.items() if path is not None}
        found[name] = ResourceAddress(kind=resource.kind, disturb=disturb)
    return found


def _targets(system: System, urls: dict[str, str]) -> dict[str, Any]:
    return {
        "services": {name: {"metrics_url": url} for name, url in _metrics_urls(system, urls).items()},
        "masks": system.masks,
    }
