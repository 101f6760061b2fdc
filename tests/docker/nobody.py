"""Ask for the engine as a user who may not."""

from __future__ import annotations

import json
import os
from pathlib import Path

from workbench.adapters.docker import engine
from workbench.errors import EnvironmentFailure

_NOBODY = 65_534


def refused_as_nobody(socket_path: Path) -> tuple[str, str | None]:
    """Return message and hint of the refusal, asked for in a process without rights."""
    engine.reach.__globals__["shutil"].which("docker")  # imported while everything can be read
    import docker  # noqa: F401, PLC0415

    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
        os.environ["DOCKER_HOST"] = f"unix://{socket_path}"
        try:
            engine.reach()
            said: tuple[str, str | None] = ("it was let in", None)
        except EnvironmentFailure as error:
            said = (error.message, error.hint)
        except BaseException as error:  # noqa: BLE001 - a child of a test must not go on
            said = (repr(error), None)
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        message, hint = json.load(answer)
    os.wait()
    return message, hint
