"""What the supervisor is told to start. Plain JSON, so that it needs no imports beyond the standard library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class StartFailure(Exception):
    """A process did not come up. The message is for the user."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One child. Either `target` (an importable function, forked) or `argv` (a command)."""

    name: str
    target: str | None
    argv: list[str]
    environment: dict[str, str]
    cwd: str
    log: str
    ready_url: str
    essential: bool = False
    """Respawned when it dies (fault plane, collector); services stay dead, so that the run tells."""
    ready_series: int | None = None
    """The ready address is a query to Prometheus, and this many series have to be in its answer."""
    container: bool = False
    """A container of the stack's compose project, by this name. Without a ready address its health check counts."""


@dataclass(frozen=True, slots=True)
class PlaneSpec:
    """One fault plane."""

    name: str
    """Of its process."""
    url: str
    proxies: list[dict[str, Any]]
    """Bodies for POST /proxies."""


@dataclass(frozen=True, slots=True)
class ComposeSpec:
    """The compose project of a stack whose processes are containers."""

    project: str
    command: list[str]
    """`docker compose` with the options that say which project, files and profiles."""
    overlay: str
    """The one of these files that is this stack's own."""


@dataclass(frozen=True, slots=True)
class StackSpec:
    """One stack."""

    state_folder: str
    stack: dict[str, Any]
    """RunningStack without processes."""
    control_port: int
    token: str
    planes: list[PlaneSpec]
    """The one on the edges of services first."""
    collector_url: str
    targets: dict[str, Any]
    """Body for PUT /targets of the collector, without processes."""
    disturbances: dict[str, str]
    """Where services take disturbances of their resources, by service."""
    processes: list[ProcessSpec]
    preload: list[str]
    path: list[str]
    """Folders put in front of the import path."""
    owned: bool
    ready_within_s: float
    compose: ComposeSpec | None = None

    def write(self, path: Path) -> None:
        """Write the spec so that only its owner can read it: it holds the token."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> StackSpec:
        """Read what `write` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        data["processes"] = [ProcessSpec(**process) for process in data["processes"]]
        data["planes"] = [PlaneSpec(**plane) for plane in data["planes"]]
        data["compose"] = data["compose"] and ComposeSpec(**data["compose"])
        return cls(**data)
