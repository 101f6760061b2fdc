"""The images of a compose project: built by one command, and looked at before anything is started."""

from __future__ import annotations

import subprocess
from typing import Any

from workbench.adapters.docker import compose, engine
from workbench.errors import EnvironmentFailure
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import NATIVE


def build(loaded: LoadedSystem) -> list[str]:
    """Build the images of a system that have sources, and return their names; the builder speaks for itself."""
    file = compose.compose_file(loaded)
    engine.reach()
    command = compose.command(file, compose.profiles(NATIVE, PlaneName.BUILTIN, ()))
    project = engine.resolved(command)
    built = subprocess.run([*command, "build"], stdin=subprocess.DEVNULL, check=False)
    if built.returncode:
        raise EnvironmentFailure("the images could not be built", hint="the builder has said why, above")
    return sorted({service["image"] for service in project["services"].values() if "build" in service})


def refuse_missing(reached: engine.Engine, project: dict[str, Any]) -> None:
    """Refuse a project some of whose images are not there. Raises EnvironmentFailure that names all of them."""
    built = {service["image"] for service in project["services"].values() if "build" in service}
    images = {service["image"] for service in project["services"].values()}
    missing = sorted(image for image in images if not reached.api.images.list(name=image))
    if missing:
        own = [image for image in missing if image in built]
        foreign = [image for image in missing if image not in built]
        ways = [
            *(["workbench build makes those of this project"] if own else []),
            *([f"docker pull {' '.join(foreign)}"] if foreign else []),
        ]
        raise EnvironmentFailure(f"images are missing: {', '.join(missing)}", hint="; ".join(ways))
