"""The real Toxiproxy server on this machine: where it is, which version, how to start it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from workbench.errors import EnvironmentFailure

PROGRAM = "toxiproxy-server"
VARIABLE = "WORKBENCH_TOXIPROXY"
"""Environment variable with the path of the program, where it is not on PATH."""

HOW_TO_GET = (
    f"put {PROGRAM} on PATH (brew install toxiproxy, or github.com/Shopify/toxiproxy/releases),"
    f" or name it by {VARIABLE}; the built-in plane needs none: --fault-plane builtin"
)
_ANSWERS_WITHIN_S = 5.0


def find() -> Path | None:
    """Return the program, if it is here."""
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or PROGRAM)
    return None if found is None else Path(found).resolve()


def command(port: int) -> list[str]:
    """Return the command that serves its API on a port of 127.0.0.1. Raises EnvironmentFailure if it is not here."""
    program = find()
    if program is None:
        named = os.environ.get(VARIABLE)
        where = f"{VARIABLE} names {named}, which cannot be run" if named else f"{PROGRAM} is not on PATH"
        raise EnvironmentFailure(f"the real Toxiproxy was asked for, and {where}", hint=HOW_TO_GET)
    return [str(program), "-host", "127.0.0.1", "-port", str(port)]


def version(program: Path) -> str | None:
    """Return what it says of itself, such as `2.12.0`; None if it does not run."""
    try:
        said = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.split()[-1] if said.stdout.split() else None
