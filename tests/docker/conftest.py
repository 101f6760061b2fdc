"""A folder with the pair in it, which runs in containers, and of which nothing may be left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.engine import NOTHING, ROOT, docker, labelled, needed
from tests.integration.native.rig import Folder
from tests.integration.supervisor.marks import wait_until

CORE = ("--runtime", "docker", "--profile", "core")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs an engine, and may be the first that needs the images, which are built then."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.docker)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="session")
def images() -> None:
    """The images of this checkout, built."""
    needed()
    command = [sys.executable, "-m", "workbench", "build"]
    built = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr


class Contained(Folder):
    """The pair, and what the engine has of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        shutil.copy(HERE / "compose.yaml", path)
        shutil.copy(ROOT / "compose" / "versions.env", path)
        self.replace("system.yaml", "entry: front", "entry: front\ncompose: compose.yaml")

    def up(self, *options: str) -> dict[str, object]:
        return super().up(*CORE, *options)

    def container(self, service: str) -> str:
        """Return the container of a service."""
        return docker("ps", "--all", "--quiet", f"--filter=name=-{service}-", f"--filter=label={self.label}")

    @property
    def label(self) -> str:
        return f"io.resilience-workbench.folder={self.state}"

    def left(self) -> dict[str, list[str]]:
        """Return what the engine has of this folder."""
        return labelled(self.state)

    def end(self) -> None:
        """End what runs here, and assert that nothing is left."""
        try:
            super().end()
            wait_until("nothing is left in the engine", lambda: self.left() == NOTHING)
        finally:
            for container in self.left()["containers"]:
                docker("rm", "--force", "--volumes", container, check=False)


@pytest.fixture
def pair(tmp_path: Path, images: None) -> Iterator[Contained]:
    """A folder with a system of two services in containers: every test asserts that nothing is left of it."""
    folder = Contained(tmp_path / "pair")
    yield folder
    folder.end()
