from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.integration.containers.engine import BASE, ROOT, Container, docker


@pytest.fixture(scope="session")
def image() -> str:
    """The shop's image, built; skips where nothing can build it."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker on the path")
    if (told := docker("version", "--format", "{{.Server.Version}}", check=False)).returncode != 0:
        pytest.skip(f"no Docker engine is reachable: {told.stderr.strip()[-200:]}")
    is_here = docker("image", "inspect", BASE, check=False).returncode == 0
    if not is_here and (pulled := docker("pull", "--quiet", BASE, check=False)).returncode != 0:
        pytest.skip(f"the base image {BASE} cannot be had: {pulled.stderr.strip()[-200:]}")
    return build("resilience-workbench-shop:test")


def build(tag: str, *options: str) -> str:
    """Build the shop's image; pip is told to ask where it asks outside."""
    passed_on = [f"--build-arg={name}" for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if name in os.environ]
    docker("build", "--quiet", "-f", "target_services/Dockerfile", "-t", tag, *passed_on, *options, str(ROOT))
    return tag


@pytest.fixture
def contained(image: str) -> Iterator[Callable[..., Container]]:
    """Starts services in containers that are removed afterwards."""
    started: list[Container] = []

    def start(service: str, **environment: str) -> Container:
        started.append(Container(image, service, environment))
        return started[-1]

    yield start
    for container in started:
        container.remove()
