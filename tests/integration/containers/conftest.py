from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.docker.engine import needed
from tests.integration.containers.engine import ROOT, Container, docker


@pytest.fixture(scope="session")
def image() -> str:
    """The shop's image, built; skips where nothing can build it."""
    needed()
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
