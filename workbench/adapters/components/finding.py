"""Where a program is on this machine: named by its setting, on PATH, or in the cache. Nothing is fetched here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.adapters.components.releases import Release, releases
from workbench.errors import EnvironmentFailure
from workbench.model.tools import Tool

_ANSWERS_WITHIN_S = 10.0
_NUMBER = re.compile(r"\bv?(\d+\.\d+\.\d+[\w.+-]*)")

Source = Literal["setting", "PATH", "cache"]


@dataclass(frozen=True, slots=True)
class Found:
    """A program that can be run."""

    path: Path
    source: Source


def cache_folder() -> Path:
    """Return where installed components are kept: the user's cache folder, as XDG or macOS has it."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "resilience-workbench" / "components"


def cached(release: Release) -> Path:
    """Return where the program of a release is, once it is installed."""
    return cache_folder() / release.name / release.version / release.file


def find(tool: Tool) -> Found | None:
    """Return the program, if it is here. A setting that leads nowhere hides no mistake: nothing else is looked for."""
    release = releases()[tool]
    named = os.environ.get(release.setting)
    if named:
        found = shutil.which(named)
        return None if found is None else Found(Path(found).resolve(), "setting")
    found = shutil.which(release.program)
    if found is not None:
        return Found(Path(found).resolve(), "PATH")
    kept = cached(release)
    return Found(kept, "cache") if os.access(kept, os.X_OK) else None


def needed(tool: Tool) -> Path:
    """Return the program. Raises EnvironmentFailure saying where it was looked for if it is not here."""
    found = find(tool)
    if found is None:
        release = releases()[tool]
        named = os.environ.get(release.setting)
        where = (
            f"{release.setting} names {named}, which cannot be run"
            if named
            else f"{release.program} is neither on PATH nor in {cache_folder()}"
        )
        raise EnvironmentFailure(f"the real {tool.capitalize()} was asked for, and {where}", hint=how_to_get(tool))
    return found.path


def how_to_get(tool: Tool) -> str:
    """Say what would provide a program."""
    release = releases()[tool]
    remedy = (
        f"put {release.program} on PATH ({release.home}), or name it by {release.setting};"
        f" workbench components install {tool} where its release is pinned"
    )
    builtin = "; the built-in plane needs none: --fault-plane builtin"
    return remedy + (builtin if tool is Tool.TOXIPROXY else "")


def version(tool: Tool, program: Path) -> str | None:
    """Return what a program says of itself, such as `2.12.0`; None if it does not run."""
    command = [str(program), releases()[tool].version_flag]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    number = _NUMBER.search(said.stdout + said.stderr)
    return number[1] if number else "unknown"
