"""Names and addresses of containers, as the others of a stack and this machine see them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.supervisor.spec import ProcessSpec

PLANE = "faultproxy"
RELAY = "relay"
SYSTEM_FOLDER = "/system"
"""Where services see the folder of the system file."""
RECORDINGS = "/recordings"
FOLDER_LABEL = "io.resilience-workbench.folder"
STACK_LABEL = "io.resilience-workbench.stack"


def published(numbers: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return ports of this machine that lead to ports of a container, and let in nobody but this machine."""
    return [
        {"mode": "host", "host_ip": "127.0.0.1", "target": inside, "published": str(outside), "protocol": "tcp"}
        for outside, inside in numbers.items()
    ]


def container(
    name: str, state: Path, ready_url: str, *, essential: bool = False, ready_series: int | None = None
) -> ProcessSpec:
    """Return a container of the stack, as the supervisor sees it. Without a ready address its health check counts."""
    return ProcessSpec(
        name=name,
        target=None,
        argv=[],
        environment={},
        cwd="",
        log=str(state / "logs" / f"{name}.log"),
        ready_url=ready_url,
        essential=essential,
        ready_series=ready_series,
        container=True,
    )
