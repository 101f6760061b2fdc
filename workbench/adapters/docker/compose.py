"""The compose project of a stack: the system's own file, with what only this stack knows laid over it.

The file of the system says what its containers are: images, rights, limits, health. The overlay says how they are wired
in one stack: ports of the block, addresses of edges, the token, labels.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.adapters.docker import servers, tools
from workbench.adapters.docker.naming import (
    FOLDER_LABEL,
    PLANE,
    RECORDINGS,
    RELAY,
    STACK_LABEL,
    SYSTEM_FOLDER,
    published,
)
from workbench.adapters.native.layout import Surroundings, service_variables, variables
from workbench.adapters.native.ports import Ports
from workbench.errors import UsageError
from workbench.loading.locations import shipped
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, Profile
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool
from workbench.relay import INSIDE_PORT
from workbench.supervisor.planes import TOXIPROXY


def compose_file(loaded: LoadedSystem) -> Path:
    """Return the compose file of a system. Raises UsageError if it has none."""
    if loaded.system.compose is None:
        raise UsageError(
            f"system {loaded.system.name} does not say how it runs in containers",
            hint="`compose: FILE` in its system.yaml names its compose file (docs/how-to/docker.md)",
        )
    path = shipped((loaded.folder / loaded.system.compose).resolve())
    if not path.is_file():
        raise UsageError(
            f"{loaded.path} names the compose file {path}, which is not there",
            hint="the path counts from the folder of system.yaml; that of the shop comes with every installation",
        )
    return path


def profiles(placement: Placement, plane: PlaneName, beside: Collection[Tool]) -> list[str]:
    """Return which parts of a compose file are started."""
    real = ["servers"] if placement.profile is Profile.FULL else []
    return ["core", plane, *real, *beside]


def command(file: Path, chosen: Sequence[str], project: str | None = None, laid: Path | None = None) -> list[str]:
    """Return `docker compose` with the options for one project; `laid` is its overlay, with its settings beside it."""
    words = ["docker", "compose", "--ansi", "never", "--project-directory", str(file.parent), "--file", str(file)]
    words += ["--file", str(laid)] if laid is not None else []
    words += ["--project-name", project] if project is not None else []
    own = [file.parent / "versions.env", file.parent / "sources.env"]
    for setting in (*own, *([laid.with_suffix(".env")] if laid is not None else [])):
        words += ["--env-file", str(setting)] if setting.is_file() else []
    for profile in chosen:
        words += ["--profile", profile]
    return words


def surroundings(plane: PlaneName) -> Surroundings:
    """Return what containers see around them: each other by name."""
    return Surroundings(
        host=lambda name: name,
        plane=PLANE if plane is PlaneName.BUILTIN else TOXIPROXY,
        python="python",
        system=SYSTEM_FOLDER,
        data=lambda _: "/data",
        spans_to=f"http://{RELAY}:{INSIDE_PORT}",
    )


def overlay(
    loaded: LoadedSystem,
    ports: Ports,
    stack: RunningStack,
    project: dict[str, Any],
    *,
    exact: Mapping[str, str],
    state: Path,
) -> str:
    """Return what is laid over a system's compose file, as JSON, which is YAML too. `exact`: images by digest."""
    common = variables(stack)
    labels = {STACK_LABEL: stack.stack_id, FOLDER_LABEL: str(state)}
    services = {name: _service(name, loaded, ports, stack) for name in loaded.system.services}
    services[RELAY] = {
        "environment": common | {"WORKBENCH_CONTROL_PORT": str(ports.relay)},
        "ports": published({ports.relay: ports.relay}),
    }
    services |= tools.overlays(loaded.system, ports, stack, state)
    edges = list(ports.edges.values())
    if stack.fault_plane is PlaneName.BUILTIN:
        services[PLANE] = {
            "environment": common | {"WORKBENCH_CONTROL_PORT": str(ports.plane)},
            "ports": published({port: port for port in (ports.plane, *edges)}),
            "volumes": [{"type": "bind", "source": stack.recordings, "target": RECORDINGS}],
        }
        api = {ports.resources: tools.TOXIPROXY_API}
    else:
        api = {ports.plane: tools.TOXIPROXY_API, **{port: port for port in edges}}
    if TOXIPROXY in project["services"]:
        services[TOXIPROXY] = {"ports": published(api)}
    for name, service in project["services"].items():
        laid = services.setdefault(name, {})
        laid["labels"] = labels
        if service["image"] in exact:
            laid["image"] = exact[service["image"]]
    whole = {
        "services": services,
        "secrets": tools.secrets(ports, state),
        "networks": {name: {"labels": labels} for name in project.get("networks", {})},
        "volumes": {name: {"labels": labels} for name in project.get("volumes", {})},
    }
    return json.dumps(_escaped(whole), indent=1)


def _service(name: str, loaded: LoadedSystem, ports: Ports, stack: RunningStack) -> dict[str, Any]:
    numbers = [ports.services[name], *(port for (service, _), port in ports.further.items() if service == name)]
    told = variables(stack) | service_variables(name, loaded, ports, surroundings(stack.fault_plane))
    if stack.profile is Profile.FULL:
        told |= servers.service_variables(loaded.system, name, stack)
    return {
        "environment": told,
        "ports": published({port: port for port in numbers}),
        "volumes": [{"type": "bind", "source": str(loaded.folder), "target": SYSTEM_FOLDER, "read_only": True}],
    }


def _escaped(value: Any) -> Any:
    """Keep compose from filling anything in: to it a dollar begins a variable."""
    match value:
        case str():
            return value.replace("$", "$$")
        case dict():
            return {key: _escaped(one) for key, one in value.items()}
        case list():
            return [_escaped(one) for one in value]
        case _:
            return value
