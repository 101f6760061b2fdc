"""The Docker engine, by its command line."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=200")
_BUILT_WITHIN_S, _WITHIN_S = 900.0, 280.0


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    command = ["docker", *arguments]
    within_s = _BUILT_WITHIN_S if arguments[0] == "build" else _WITHIN_S
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=within_s, check=False
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done


def environment_of(service: str) -> dict[str, str]:
    """Return what the system file tells a service, for a container; its neighbours are away."""
    system = YAML(typ="safe").load((ROOT / "target_services" / "system.yaml").read_text())
    told = {name: _inside(str(value)) for name, value in system["services"][service]["environment"].items()}
    edges = [edge["env"] for edge in system["edges"] if edge["caller"] == service]
    return {**told, **{name: "127.0.0.1:1" if name.endswith("_TARGET") else "http://127.0.0.1:1" for name in edges}}


def _inside(value: str) -> str:
    places = {"{port}": "8080", "{port:grpc}": "8081", "{data}": "/data", "{system}": "/app/target_services"}
    for placeholder, place in places.items():
        value = value.replace(placeholder, place)
    return value


class Container:
    """A service in a container that may do nothing but serve."""

    def __init__(self, image: str, service: str, environment: Mapping[str, str]) -> None:
        told = {**environment_of(service), **environment}
        variables = [f"--env={name}={value}" for name, value in told.items()]
        started = docker("run", "--detach", *HARDENED, "--health-interval=1s", *variables, image, service)
        self._id = started.stdout.strip()

    @property
    def state(self) -> Any:
        return json.loads(docker("inspect", "--format={{json .State}}", self._id).stdout)

    @property
    def log(self) -> str:
        done = docker("logs", self._id)
        return done.stdout + done.stderr

    def wait_until(self, what: str, condition: Callable[[Any], bool], within_s: float = 120.0) -> Any:
        """Return the first state of which the condition is true."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if condition(state := self.state):
                return state
            time.sleep(0.2)
        raise AssertionError(f"waited in vain for {what}: {self.state}\n{self.log}")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        return docker("exec", self._id, *command, check=check)

    def terminate(self) -> None:
        docker("kill", "--signal=SIGTERM", self._id)

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self._id, check=False)
