"""A system file turned into containers with addresses, for the supervisor that starts them."""

from __future__ import annotations

from pathlib import Path

from workbench.adapters.docker import compose, engine, images
from workbench.adapters.native.layout import disturbances, own_process, running_stack, targets, variables
from workbench.adapters.native.ports import Ports
from workbench.errors import UsageError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, RuntimeName
from workbench.supervisor.docker_engine import remove_labelled
from workbench.supervisor.spec import ComposeSpec, ProcessSpec, StackSpec

_ENGINE_NEEDS_S = 60.0
"""What creating and starting containers may take, beyond what services need to become ready."""


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
    project = engine.resolved(compose.command(file, placement.profile))
    missing = [name for name in (*system.services, compose.PLANE, compose.RELAY) if name not in project["services"]]
    if missing:
        raise UsageError(
            f"{file} has no service {', '.join(missing)}", hint="docs/how-to/docker.md says which it needs"
        )
    images.refuse_missing(reached, project)
    remove_labelled(reached.api, f"{compose.FOLDER_LABEL}={state}")
    stack = running_stack(loaded, ports, stack_id=stack_id, token=token, owned=owned, bugs=bugs, plane=plane)
    stack = stack.model_copy(update={"runtime": RuntimeName.DOCKER, "recordings": str(_recordings(state))})
    overlay = state / "compose.json"
    overlay.touch(mode=0o600)
    overlay.write_text(compose.overlay(loaded, ports, stack, project, state), encoding="utf-8")
    name = f"workbench-{stack_id}"
    return StackSpec(
        state_folder=str(state),
        stack=stack.model_dump(mode="json"),
        control_port=ports.control,
        token=token,
        plane=compose.PLANE,
        plane_url=stack.plane_url,
        collector_url=stack.collector_url,
        proxies=[
            {
                "name": edge.name,
                "listen": f"0.0.0.0:{ports.edges[edge.name]}",
                "upstream": f"{edge.callee}:{ports.callee(edge)}",
                "protocol": edge.protocol,
            }
            for edge in system.edges
        ],
        targets=targets(system, stack, state, live_token) | {"relay": f"127.0.0.1:{ports.relay}"},
        disturbances=disturbances(system, stack),
        processes=[
            _container(compose.PLANE, state, f"{stack.plane_url}/health", essential=True),
            _container(compose.RELAY, state, "", essential=True),
            own_process("collector", ports.collector, state, variables(stack)),
            *(
                _container(service, state, f"{stack.services[service]}{system.services[service].ready}")
                for service in system.services
            ),
        ],
        preload=["workbench.collector.main"],
        path=[],
        owned=owned,
        ready_within_s=system.ready_within.s + _ENGINE_NEEDS_S,
        compose=ComposeSpec(name, compose.command(file, placement.profile, name, overlay)),
    )


def _recordings(state: Path) -> Path:
    """Make the folder that the fault plane writes to; the one above it is closed to everybody else."""
    folder = state / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _container(name: str, state: Path, ready_url: str, *, essential: bool = False) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        target=None,
        argv=[],
        environment={},
        cwd="",
        log=str(state / "logs" / f"{name}.log"),
        ready_url=ready_url,
        essential=essential,
        container=True,
    )
