"""The Docker engine as tests see it: by its command line, and never through the code under test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER_LABEL = "io.resilience-workbench.folder"
BASES = ("python:3.11-slim",)
_WITHIN_S = 900.0
"""As long as it may take to pull an image."""


def docker(*arguments: str, check: bool = True) -> str:
    """Run one command and return what it printed."""
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=_WITHIN_S, check=False
    )
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def why_not() -> str | None:
    """Return why no container can be run here, with the remedy; None if one can.

    With WORKBENCH_DOCKER=required, as CI sets it, that is a failure and no reason to skip.
    """
    if shutil.which("docker") is None:
        return "there is no docker on PATH; install a Docker engine"
    done = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    if done.returncode:
        return f"no Docker engine is reachable; start it ({done.stderr.strip()[-200:]})"
    for base in BASES:
        if not docker("image", "ls", "--quiet", base) and not docker("pull", "--quiet", base, check=False):
            return f"the base image {base} cannot be had; docker pull {base}"
    return None


def needed() -> None:
    """Skip a test where no container can be run."""
    reason = why_not()
    if reason is not None and os.environ.get("WORKBENCH_DOCKER") == "required":
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)


def images_of(name: str) -> str:
    """Return an image by its name in versions.env."""
    lines = (ROOT / "compose" / "versions.env").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))


def inspected(container: str) -> dict[str, Any]:
    """Return all that the engine knows of a container."""
    found: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return found


def labelled(folder: Path) -> dict[str, list[str]]:
    """Return what the engine has of the stacks of a folder."""
    label = f"--filter=label={FOLDER_LABEL}={folder}"
    return {
        "containers": docker("ps", "--all", "--quiet", label).split(),
        "networks": docker("network", "ls", "--quiet", label).split(),
        "volumes": docker("volume", "ls", "--quiet", label).split(),
    }


NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
