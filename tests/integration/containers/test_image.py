"""The shop's image, for real: each service serves with nothing allowed, says how it is, and leaves when asked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from target_services.documents import services
from tests.integration.containers.conftest import build
from tests.integration.containers.engine import Container, docker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

Contained = Callable[..., Container]


@pytest.mark.parametrize("service", services())
def test_each_service_becomes_healthy_and_ends_cleanly(contained: Contained, service: str) -> None:
    container = contained(service)
    container.wait_until("health", lambda state: state["Health"]["Status"] == "healthy")
    container.terminate()
    ended = container.wait_until("its end", lambda state: not state["Running"])
    assert ended["ExitCode"] == 0, container.log
    assert '"draining"' in container.log


def test_it_needs_no_right_at_all(contained: Contained) -> None:
    container = contained("provider")
    container.wait_until("health", lambda state: state["Health"]["Status"] == "healthy")
    status = dict(line.split(":\t", 1) for line in container.run("cat", "/proc/1/status").stdout.splitlines())
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    for path in ("/app/new", "/venv/new", "/new"):
        assert "Read-only file system" in container.run("touch", path, check=False).stderr


def test_a_service_whose_database_is_away_is_unhealthy(contained: Contained) -> None:
    container = contained("provider")
    container.wait_until("health", lambda state: state["Health"]["Status"] == "healthy")
    container.run("sh", "-c", "rm /data/*")
    state = container.wait_until("ill health", lambda state: state["Health"]["Status"] == "unhealthy")
    failed = [probe["Output"] for probe in state["Health"]["Log"] if probe["ExitCode"]]
    assert any("database" in output for output in failed), failed  # the last one may have come too late


def test_a_service_that_cannot_start_says_why_and_ends(contained: Contained) -> None:
    container = contained("provider", DATABASE_URL="mysql://nowhere")
    ended = container.wait_until("its end", lambda state: not state["Running"])
    assert ended["ExitCode"] == 2
    assert "DATABASE_URL" in container.log


def test_an_unknown_service_is_refused_with_those_there_are(image: str) -> None:
    done = docker("run", "--rm", image, "shipping", check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in services())


def test_the_image_is_labelled_and_holds_no_more_than_it_needs(image: str) -> None:
    (told,) = json.loads(docker("image", "inspect", image).stdout)
    assert told["Config"]["User"] == "10001:10001"
    assert told["Config"]["Labels"]["org.opencontainers.image.title"]
    assert told["Config"]["Entrypoint"] == ["python", "-m", "target_services"]
    found = docker("run", "--rm", "--entrypoint=sh", image, "-c", "ls /app /app/target_services /venv/bin").stdout
    assert not {"workbench", "journeys.py", "pip", "pytest"} & set(found.split())


def test_nothing_is_compiled_at_start(image: str) -> None:
    """Bytecode that is checked against a source's time would be stale, as files bear none, and made at each start."""
    flags = """
from pathlib import Path
print({file.read_bytes()[4:8].hex() for folder in ("/venv", "/app") for file in Path(folder).rglob("*.pyc")})
"""
    assert docker("run", "--rm", "--entrypoint=python", image, "-c", flags).stdout.strip() == "{'01000000'}"


def test_the_same_input_gives_the_same_layers(image: str) -> None:
    again = build("resilience-workbench-shop:again", "--no-cache")
    first, second = (
        docker("image", "inspect", "--format={{json .RootFS.Layers}}", tag).stdout for tag in (image, again)
    )
    assert first == second
