"""What is left of stacks of a folder whose supervisor and guard could not remove it: the engine was away then."""

from __future__ import annotations

from pathlib import Path

from workbench.adapters.docker import engine
from workbench.adapters.docker.naming import FOLDER_LABEL
from workbench.errors import EnvironmentFailure
from workbench.supervisor.docker_engine import labelled, remove_labelled


def remove(state: Path) -> bool:
    """Remove it; tell whether there was any. Raises EnvironmentFailure if there is no engine, or something resists."""
    label, reached = f"{FOLDER_LABEL}={state}", engine.reach()
    found = labelled(reached.api, label)
    problems = remove_labelled(reached.api, label)
    if problems:
        raise EnvironmentFailure(
            f"containers of an earlier stack cannot be removed: {'; '.join(problems)}",
            hint=f"docker ps --all --filter label={label} shows them",
        )
    return found
