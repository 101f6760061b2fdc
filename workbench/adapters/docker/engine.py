"""Whether there is a Docker engine that we may use, and what it says; each way to have none has its own remedy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import EnvironmentFailure
from workbench.supervisor.docker_engine import EngineGone, client

_ANSWERS_S = 30.0
_COMPOSE_SINCE = (2, 20)
"""Since then a service may depend on one that is not started."""
_INSTALL = "https://docs.docker.com/engine/install has the way for this system; without --runtime docker none is needed"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers."""

    api: Any
    """Client of the `docker` package, which has no types of its own for answers."""
    endpoint: str
    version: str
    compose: str


def reach() -> Engine:
    """Return the engine that `docker` would use. Raises EnvironmentFailure with the remedy."""
    if shutil.which("docker") is None:
        raise EnvironmentFailure("Docker is not installed: there is no `docker` on PATH", hint=_INSTALL)
    try:
        api = client()
        version = api.version()
    except ImportError:
        raise EnvironmentFailure(
            "the Python package `docker` is not installed", hint="pip install 'resilience-workbench[docker]'"
        ) from None
    except Exception as error:
        raise _unreachable(error) from error
    if any("podman" in str(part.get("Name", "")).lower() for part in version.get("Components") or []):
        raise EnvironmentFailure(
            f"the engine is Podman, on which this has not been tried ({_context()})",
            hint="docs/how-to/podman.md says what is missing; without --runtime docker none is needed",
        )
    return Engine(api, str(api.api.base_url), version["Version"], _compose_version())


def _unreachable(error: Exception) -> EnvironmentFailure:
    """Tell the ways apart in which an engine cannot be reached."""
    said = str(error)
    if isinstance(error, EngineGone) and error.__cause__ is not None:
        said = f"{error} {error.__cause__}"
    if "Permission denied" in said or "PermissionError" in said:
        return EnvironmentFailure(
            "no permission to talk to the Docker engine",
            hint="sudo usermod -aG docker $USER, then log in again; or use rootless Docker",
        )
    if re.search(r"FileNotFoundError|No such file|Connection refused|ConnectionRefusedError", said):
        return EnvironmentFailure(
            f"the Docker engine is not running ({_context()})",
            hint="start it: sudo systemctl start docker, or open Docker Desktop",
        )
    return EnvironmentFailure(f"the Docker engine cannot be used: {said}", hint="docker info says more")


def _context() -> str:
    if os.environ.get("DOCKER_HOST"):
        return f"DOCKER_HOST is {os.environ['DOCKER_HOST']}"
    done = docker(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
    return done.stdout.strip() or "its address is not known"


def _compose_version() -> str:
    done = docker(["compose", "version", "--short"])
    found = re.match(r"v?(\d+)\.(\d+)", done.stdout.strip())
    if done.returncode == 0 and found is not None:
        version = done.stdout.strip().removeprefix("v")
        if (int(found[1]), int(found[2])) >= _COMPOSE_SINCE:
            return version
        missing = f"`docker compose` is {version}"
    else:
        old = "docker-compose is there, which is v1; " if shutil.which("docker-compose") else ""
        missing = f"`docker compose` is missing: {old}v2 is needed"
    raise EnvironmentFailure(
        f"{missing}; it has to be {'.'.join(map(str, _COMPOSE_SINCE))} or newer",
        hint="install the plugin: https://docs.docker.com/compose/install (Debian: docker-compose-plugin)",
    )


def docker(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the command line and return how it ended. Raises EnvironmentFailure if it takes too long."""
    try:
        return subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWERS_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailure(
            f"docker {' '.join(arguments)[:80]} did not end within {_ANSWERS_S:g} s", hint="docker info says more"
        ) from error


def resolved(command: Sequence[str]) -> dict[str, Any]:
    """Return a compose project as `docker compose` understands it. Raises EnvironmentFailure with what it says."""
    done = docker([*command[1:], "config", "--format", "json"])
    if done.returncode:
        raise EnvironmentFailure(f"the compose file does not hold: {done.stderr.strip()}")
    project: dict[str, Any] = json.loads(done.stdout)
    return project


def docker_versions() -> dict[str, str]:
    """Return the versions that decide how containers run. Raises EnvironmentFailure where there is no engine."""
    reached = reach()
    return {"docker": reached.version, "docker compose": reached.compose}
