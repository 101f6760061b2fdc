"""The compose project of a stack: the system's own file, with what only this stack knows laid over it.

The file of the system says what its containers are: images, rights, limits, health. The overlay says how they are wired
in one stack: ports of the block, addresses of edges, the token, labels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.adapters.native.layout import Surroundings, service_variables, variables
from workbench.adapters.native.ports import Ports
from workbench.errors import UsageError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.runtimes import Profile
from workbench.model.stack import RunningStack
from workbench.relay import INSIDE_PORT

PLANE = "faultproxy"
RELAY = "relay"
SYSTEM_FOLDER = "/system"
"""Where services see the folder of the system file."""
RECORDINGS = "/recordings"
FOLDER_LABEL = "io.resilience-workbench.folder"
STACK_LABEL = "io.resilience-workbench.stack"


def compose_file(loaded: LoadedSystem) -> Path:
    """Return the compose file of a system. Raises UsageError if it has none."""
    if loaded.system.compose is None:
        raise UsageError(
            f"system {loaded.system.name} does not say how it runs in containers",
            hint="`compose: FILE` in its system.yaml names its compose file (docs/how-to/docker.md)",
        )
    path = (loaded.folder / loaded.system.compose).resolve()
    if not path.is_file():
        raise UsageError(
            f"{loaded.path} names the compose file {path}, which is not there",
            hint="the shop runs in containers from a checkout of the project, with its sources",
        )
    return path


def command(file: Path, profile: Profile, project: str | None = None, overlay: Path | None = None) -> list[str]:
    """Return `docker compose` with the options for one project."""
    words = ["docker", "compose", "--ansi", "never", "--project-directory", str(file.parent), "--file", str(file)]
    if overlay is not None:
        words += ["--file", str(overlay)]
    if (file.parent / "versions.env").is_file():
        words += ["--env-file", str(file.parent / "versions.env")]
    if project is not None:
        words += ["--project-name", project]
    return [*words, "--profile", profile]


def surroundings() -> Surroundings:
    """Return what containers see around them: each other by name."""
    return Surroundings(
        host=lambda name: name,
        plane=PLANE,
        python="python",
        system=SYSTEM_FOLDER,
        data=lambda _: "/data",
        spans_to=f"http://{RELAY}:{INSIDE_PORT}",
    )


def overlay(loaded: LoadedSystem, ports: Ports, stack: RunningStack, project: dict[str, Any], state: Path) -> str:
    """Return what is laid over a system's compose file, as JSON, which is YAML too."""
    common = variables(stack)
    labels = {STACK_LABEL: stack.stack_id, FOLDER_LABEL: str(state)}
    services = {name: _service(name, loaded, ports, common) for name in loaded.system.services}
    services[PLANE] = {
        "environment": common | {"WORKBENCH_CONTROL_PORT": str(ports.plane)},
        "ports": _published([ports.plane, *ports.edges.values()]),
        "volumes": [{"type": "bind", "source": stack.recordings, "target": RECORDINGS}],
    }
    services[RELAY] = {
        "environment": common | {"WORKBENCH_CONTROL_PORT": str(ports.relay)},
        "ports": _published([ports.relay]),
    }
    for name in project["services"]:
        services.setdefault(name, {})["labels"] = labels
    whole = {
        "services": services,
        "networks": {name: {"labels": labels} for name in project.get("networks", {})},
        "volumes": {name: {"labels": labels} for name in project.get("volumes", {})},
    }
    return json.dumps(_escaped(whole), indent=1)


def _service(name: str, loaded: LoadedSystem, ports: Ports, common: dict[str, str]) -> dict[str, Any]:
    further = [port for (service, _), port in ports.further.items() if service == name]
    return {
        "environment": common | service_variables(name, loaded, ports, surroundings()),
        "ports": _published([ports.services[name], *further]),
        "volumes": [{"type": "bind", "source": str(loaded.folder), "target": SYSTEM_FOLDER, "read_only": True}],
    }


def _published(numbers: list[int]) -> list[dict[str, Any]]:
    """Return ports that have the same number inside and outside, and let in nobody but this machine."""
    return [
        {"mode": "host", "host_ip": "127.0.0.1", "target": number, "published": str(number), "protocol": "tcp"}
        for number in numbers
    ]


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
