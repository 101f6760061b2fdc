"""The images of a compose project: built by one command, and looked at before anything is started."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.adapters.docker import compose, engine, pins
from workbench.errors import EnvironmentFailure, UsageError
from workbench.loading.locations import is_packed
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import NATIVE

SOURCES_LABEL = "io.resilience-workbench.sources"
"""Of images that are built here: a sum over all that went into them."""


def build(loaded: LoadedSystem) -> list[str]:
    """Build the images of a system that have sources, and return their names; the builder speaks for itself."""
    file = compose.compose_file(loaded)
    engine.reach()
    command = compose.command(file, compose.profiles(NATIVE, PlaneName.BUILTIN, ()))
    built = _built(engine.resolved(command))
    labels = {service: {"build": {"labels": {SOURCES_LABEL: sources(build)}}} for service, (_, build) in built.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as overlay:
        json.dump({"services": labels}, overlay)
        overlay.flush()
        with_labels = compose.command(file, compose.profiles(NATIVE, PlaneName.BUILTIN, ()), laid=Path(overlay.name))
        done = subprocess.run([*with_labels, "build"], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise EnvironmentFailure("the images could not be built", hint="the builder has said why, above")
    return sorted(image for image, _ in built.values())


def pin(loaded: LoadedSystem) -> list[str]:
    """Write down the digests of the images that are not built here; return those that have none.

    Raises UsageError where the compose file is that of an installed package.
    """
    file = compose.compose_file(loaded)
    if is_packed(file):
        raise UsageError(
            f"digests are kept beside the compose file, and {file} belongs to the installed package",
            hint="run it in a checkout, or on a system of your own: workbench build --pin --system ./system.yaml",
        )
    reached = engine.reach()
    project = engine.resolved(compose.command(file, ["full"]))
    built = dict(_built(project).values())
    found = {one["image"]: _image(reached, one["image"]) for one in project["services"].values()}
    digests = {
        image: list((seen or {}).get("RepoDigests") or []) for image, seen in found.items() if image not in built
    }
    return pins.write(file.parent, digests)


def looked_at(reached: engine.Engine, project: dict[str, Any], folder: Path) -> dict[str, str]:
    """Return the digests that images are pinned by, where they have any.

    Raises EnvironmentFailure that names all images that are missing, older than their sources, or not the pinned ones.
    """
    built = dict(_built(project).values())
    found = {image: _image(reached, image) for image in {one["image"] for one in project["services"].values()}}
    there = {image: seen for image, seen in found.items() if seen is not None}
    _refuse_missing(sorted(set(found) - set(there)), built)
    old = [
        image
        for image, build in built.items()
        if (there[image]["Config"].get("Labels") or {}).get(SOURCES_LABEL) != sources(build)
    ]
    if old:
        raise EnvironmentFailure(
            f"images are out of date: {', '.join(sorted(old))} was built from other sources than these",
            hint="workbench build",
        )
    return pins.applied(pins.read(folder), _digests(there, built))


def sources(build: Mapping[str, Any]) -> str:
    """Return a sum over all files that go into an image, and over its arguments that stand in the compose file."""
    from docker.utils.build import exclude_paths  # noqa: PLC0415 - the package is an extra

    context, dockerfile = Path(build["context"]), str(build["dockerfile"])
    ignored = (context / f"{dockerfile}.dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in ignored if line.strip() and not line.startswith("#")]
    total = hashlib.sha256((context / dockerfile).read_bytes())
    for name in sorted(exclude_paths(str(context), patterns)):
        path = context / name
        if path.is_file():
            total.update(f"\0{name}\0".encode())
            total.update(path.read_bytes())
    base = (build.get("args") or {}).get("PYTHON_IMAGE")
    total.update(f"\0{base}".encode())
    return total.hexdigest()


def _built(project: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return image and build of each service whose image is built here."""
    return {
        name: (service["image"], service["build"])
        for name, service in project["services"].items()
        if "build" in service
    }


def _image(reached: engine.Engine, name: str) -> dict[str, Any] | None:
    found = reached.api.images.list(name=name)
    return found[0].attrs if found else None


def _digests(found: Mapping[str, dict[str, Any] | None], built: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the digests of each image that is not built here, as the engine gives them; none if it made it itself."""
    return {image: list((seen or {}).get("RepoDigests") or []) for image, seen in found.items() if image not in built}


def _refuse_missing(missing: list[str], built: Mapping[str, object]) -> None:
    if not missing:
        return
    foreign = [image for image in missing if image not in built]
    ways = [
        *(["workbench build makes those of this project"] if len(foreign) < len(missing) else []),
        *([f"docker pull {image}" for image in foreign]),
        *(["--without and --profile core leave out what has no registry"] if foreign else []),
    ]
    raise EnvironmentFailure(f"images are missing: {', '.join(missing)}", hint="; ".join(ways))
