"""`workbench doctor`: what could keep a run from working on this machine, and what mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

import psutil

from workbench.adapters.components import finding
from workbench.adapters.components.releases import releases
from workbench.adapters.docker import engine
from workbench.adapters.grafana import starting
from workbench.adapters.grafana.provisioning import UIDS, dashboard_uids
from workbench.adapters.grafana.server import grafana_server
from workbench.adapters.machine import usable_cores, versions
from workbench.adapters.native.ports import choose
from workbench.adapters.obstacles import obstacles
from workbench.errors import EnvironmentFailure, WorkbenchError
from workbench.loading.scenario_files import load_system
from workbench.model.faults.base import Ability
from workbench.model.runtimes import RuntimeName
from workbench.model.tools import Tool
from workbench.wiring import LocalStack

_DISK_NEEDED = 500 * 2**20
_MEMORY_NEEDED = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    state: Literal["ok", "note", "warning", "bad"] = "ok"
    remedy: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(local: LocalStack) -> list[Finding]:
    """Look at everything; one look that fails does not keep the others from being made."""
    looks: list[Callable[[LocalStack], Iterator[Finding]]] = [
        _python,
        _name_clash,
        _system,
        _disk,
        _packets,
        _folder,
        _ports,
        _docker,
        _components,
        _stack,
        _grafana_server,
    ]
    findings: list[Finding] = []
    for look in looks:
        try:
            findings += look(local)
        except WorkbenchError as error:
            findings.append(Finding(look.__name__.strip("_").replace("_", " "), error.message, "bad", error.hint))
    return findings


def _python(_: LocalStack) -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    found = versions()
    yield Finding("packages", ", ".join(f"{name} {number}" for name, number in found.items() if name != "python"))


def _name_clash(_: LocalStack) -> Iterator[Finding]:
    try:
        other = distribution("workbench")
    except PackageNotFoundError:
        return
    yield Finding(
        "name clash",
        f"`workbench` {other.version} is installed: another project with the same import name",
        "bad",
        f"{sys.executable} -m pip uninstall workbench, then install resilience-workbench again",
    )


def _system(_: LocalStack) -> Iterator[Finding]:
    cores, memory = usable_cores(), psutil.virtual_memory()
    match platform.system():
        case "Linux":
            yield Finding("system", f"Linux, {cores} cores, {memory.available / 2**30:.1f} GiB of memory free")
        case "Darwin":
            yield Finding("system", "macOS: designed for, and not tested yet", "warning")
        case other:
            yield Finding("system", f"{other} is not supported", "bad", "on Windows use WSL2")
    if memory.available < _MEMORY_NEEDED:
        yield Finding("memory", "less than 1 GiB is free", "warning", "end other programs, or run with a lower --rate")
    if cores < 2:
        yield Finding(
            "cores",
            "one core: services and load will disturb each other",
            "warning",
            "run with a lower --rate",
        )


def _disk(_: LocalStack) -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    if free < _DISK_NEEDED:
        yield Finding("disk", f"{free / 2**20:.0f} MiB free here", "warning", "workbench prune --keep 5")
    else:
        yield Finding("disk", f"{free / 2**30:.1f} GiB free here")


def _packets(_: LocalStack) -> Iterator[Finding]:
    reason = obstacles(RuntimeName.NATIVE).get(Ability.PACKETS)
    if reason is None:
        yield Finding("packets", "can be lost and reordered on edges")
    else:
        yield Finding("packets", "cannot be lost or reordered on edges", "note", reason)


def _folder(local: LocalStack) -> Iterator[Finding]:
    local.state.create()
    yield Finding("folder", f"{local.state.folder} can be written to")


def _ports(local: LocalStack) -> Iterator[Finding]:
    if local.runtime.find() is None:
        ports = choose(load_system("shop", Path.cwd()).system, None)
        yield Finding("ports", f"the block from {ports.base} on is free")


def _docker(_: LocalStack) -> Iterator[Finding]:
    try:
        reached = engine.reach()
    except EnvironmentFailure as error:
        yield Finding("docker", f"{error.message}; only --runtime docker needs it", "note", error.hint)
    else:
        found = f"{reached.version} at {reached.endpoint}, docker compose {reached.compose}"
        yield Finding("docker", f"{found}, for --runtime docker", "note")


_USED_BY = {tool: f"--with {tool}" for tool in Tool} | {Tool.TOXIPROXY: "--fault-plane toxiproxy"}


def _components(_: LocalStack) -> Iterator[Finding]:
    for tool in Tool:
        program, use = finding.find(tool), _USED_BY[tool]
        if program is None:
            named = os.environ.get(releases()[tool].setting)
            missing = f"not found where {releases()[tool].setting} says: {named}" if named else "not found"
            yield Finding(tool, f"{missing}; only {use} needs it", "note", finding.how_to_get(tool))
            continue
        version = finding.version(tool, program.path)
        if version is None:
            does_not = f"{program.path} (from {program.source}) is there and does not run"
            yield Finding(tool, does_not, "warning", finding.how_to_get(tool))
        else:
            yield Finding(tool, f"{version} at {program.path} (from {program.source}), for {use}", "note")


def _stack(local: LocalStack) -> Iterator[Finding]:
    stack = local.runtime.find()
    if stack is not None:
        dead = [name for name, p in local.runtime.status(stack)["processes"].items() if p["pid"] is None]
        if dead:
            yield Finding("stack", f"{stack.system} is up, but {', '.join(dead)} ended", "bad", "workbench down")
        else:
            yield Finding("stack", f"{stack.system} is up")
    left = local.ledger.entries()
    if left and local.state.holder_pid() is None:
        yield Finding("ledger", f"{len(left)} faults may still be on: {'; '.join(left)}", "bad", "workbench heal")


def _grafana_server(local: LocalStack) -> Iterator[Finding]:
    """Look into the Grafana of the stack: ready, and our dashboards and data sources work there."""
    stack = local.runtime.find()
    if stack is None or Tool.GRAFANA not in stack.tools:
        return
    what, password = "grafana server", local.state.folder / starting.FOLDER / "password"
    try:
        server = grafana_server(stack, local.state.folder)
    except EnvironmentFailure as error:
        yield Finding(what, error.message, "warning", error.hint)
        return
    assert server is not None
    yield Finding(what, f"{server.version()} at {stack.tools[Tool.GRAFANA]}, {starting.USER} with {password}")
    missing = sorted({*dashboard_uids()} - {*server.dashboards()})
    if missing:
        yield Finding("grafana dashboards", f"{', '.join(missing)} are not there", "bad", "its log is logs/grafana.log")
    else:
        yield Finding("grafana dashboards", f"all {len(dashboard_uids())} are there")
    for tool, uid in UIDS.items():
        source = f"grafana data source {uid}"
        if tool in stack.tools:
            trouble = server.source_trouble(uid)
            if trouble is not None:
                yield Finding(source, trouble, "bad", f"is {tool} up? workbench status")
        elif tool is Tool.PROMETHEUS:
            remedy = "workbench down, then workbench up --with prometheus,grafana"
            yield Finding(source, "the stack has no prometheus, so panels have nothing to show", "warning", remedy)
