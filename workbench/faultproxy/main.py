"""The fault plane's process."""

from __future__ import annotations

import asyncio
import resource

from workbench.faultproxy.control import ControlServer
from workbench.faultproxy.plane import Plane
from workbench.serving import run_process


class _FaultProxy:
    """A plane and the API that commands it."""

    def __init__(self, token: str | None) -> None:
        self._plane = Plane(asyncio.get_running_loop())
        self._control = ControlServer(self._plane, token)

    async def start(self, port: int) -> int:
        return await self._control.start(port)

    async def stop(self) -> None:
        await self._plane.close()
        await self._control.stop()


def main() -> None:
    """Forward, and inject faults, until SIGTERM."""
    _allow_many_connections()
    run_process("faultproxy", _FaultProxy)


def _allow_many_connections() -> None:
    """Each proxied connection takes two descriptors; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return
