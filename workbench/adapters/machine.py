"""What this machine is, and which versions run on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import psutil

from workbench import __version__
from workbench.model.run import Machine

_NAMED = ("locust", "duckdb", "fastapi", "aiohttp", "uvloop", "opentelemetry-sdk", "prometheus-client", "pydantic")


def machine() -> Machine:
    """Describe the machine."""
    return Machine(
        os=f"{platform.system()} {platform.release()}",
        arch=platform.machine(),
        python=platform.python_version(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
    )


def usable_cores() -> int:
    """Return the cores this process may run on (CI often gives fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return the versions that matter for a result."""
    found = {"workbench": __version__, "python": platform.python_version()}
    for name in _NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
