"""What a wheel brings: installed anywhere, the workbench finds all that it needs, containers included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NO_ENGINE = "unix:///nowhere/docker.sock"

_ASK = """
import json
from pathlib import Path
from workbench.adapters.docker import compose, engine, images
from workbench.loading.scenario_files import load_system
file = compose.compose_file(load_system("shop", Path.cwd()))
project = engine.resolved(compose.command(file, ["full", "builtin", "grafana"]))
builds = {name: one["build"] for name, one in project["services"].items() if "build" in one}
print(json.dumps({"file": str(file), "project": project, "sums": {n: images.sources(b) for n, b in builds.items()}}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with nothing but what the wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    made = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(made, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    packages = folder / "site-packages"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(packages)
    yield packages
    shutil.rmtree(folder)


def asked(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the wheel's Python in a folder that is not the project's."""
    environment = os.environ | {"PYTHONPATH": str(installed), "DOCKER_HOST": NO_ENGINE, "COLUMNS": "400"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_nothing_stands_beside_the_two_packages(installed: Path) -> None:
    """A folder of ours on top of site-packages would be everybody's."""
    names = sorted(path.name for path in installed.iterdir() if not path.name.endswith(".dist-info"))
    assert ["target_services", "workbench"] == names


def test_scenarios_and_systems_are_found(installed: Path, tmp_path: Path) -> None:
    listed = asked(installed, tmp_path, "-m", "workbench", "list", "--json")
    assert 0 == listed.returncode, listed.stderr
    names = {scenario["name"] for scenario in json.loads(listed.stdout)}
    assert {path.stem for path in (ROOT / "scenarios").glob("*.yaml")} == names
    planned = asked(installed, tmp_path, "-m", "workbench", "plan", "latency-spike")
    assert 0 == planned.returncode, planned.stderr


@pytest.mark.parametrize("command", [["build"], ["up", "--runtime", "docker"]])
def test_without_an_engine_that_is_all_that_containers_lack(
    installed: Path, tmp_path: Path, command: list[str]
) -> None:
    """The compose file is looked for before the engine is asked."""
    refused = asked(installed, tmp_path, "-m", "workbench", *command)
    assert 4 == refused.returncode
    assert "compose file" not in refused.stderr
    assert "nowhere/docker.sock" in refused.stderr


def test_digests_are_not_written_into_the_installed_package(installed: Path, tmp_path: Path) -> None:
    refused = asked(installed, tmp_path, "-m", "workbench", "build", "--pin")
    assert 2 == refused.returncode
    assert "belongs to the installed package" in refused.stderr
    assert "--system ./system.yaml" in refused.stderr


@pytest.fixture(scope="module")
def project(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("docker") is None:
        pytest.skip("docker compose is not on the path")
    found = asked(installed, tmp_path_factory.mktemp("elsewhere"), "-c", _ASK)
    assert 0 == found.returncode, found.stderr
    told: dict[str, Any] = json.loads(found.stdout)
    assert told["file"].startswith(str(installed))
    return told


def test_what_containers_mount_is_there(project: dict[str, Any], installed: Path) -> None:
    services = project["project"]["services"].values()
    mounts = [one for service in services for one in service.get("volumes", []) if one["type"] == "bind"]
    assert len(mounts) >= 3
    for mount in mounts:
        assert mount["source"].startswith(str(installed))
        assert Path(mount["source"]).exists(), mount["source"]


def test_what_images_are_built_from_is_there_and_is_what_the_checkout_has(
    project: dict[str, Any], installed: Path
) -> None:
    """Each file that a Dockerfile copies; that an image is old is told by the sum over all of them."""
    built = {name: one["build"] for name, one in project["project"]["services"].items() if "build" in one}
    assert {"gateway", "faultproxy"} == set(built)
    for name, lock in (("gateway", "shop"), ("faultproxy", "plane")):
        context = Path(built[name]["context"])
        assert installed == context
        dockerfile = (context / built[name]["dockerfile"]).read_text()
        assert f"COPY ${{REQUIREMENTS}}/{lock}.txt /\n" in dockerfile
        kept = context / built[name]["args"]["REQUIREMENTS"] / f"{lock}.txt"
        assert (ROOT / "requirements" / f"{lock}.txt").read_bytes() == kept.read_bytes()
        ignored = (context / f"{built[name]['dockerfile']}.dockerignore").read_text().splitlines()
        assert f"!{kept.relative_to(context)}" in ignored
    before = project["sums"]["gateway"]
    with (installed / "workbench" / "_bundled" / "requirements" / "shop.txt").open("a") as changed:
        changed.write("# another one\n")
    again = asked(installed, installed.parent, "-c", _ASK)
    assert before != json.loads(again.stdout)["sums"]["gateway"]
