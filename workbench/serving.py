"""The life of a process of the stack: settings from the environment, one event loop, an orderly end on SIGTERM.

Nothing here or in what it runs starts a loop, a thread or a socket at import, so the process can be forked from one
that has it imported.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import uvloop

from workbench.errors import EnvironmentFailure, UsageError, WorkbenchError


class Served(Protocol):
    """What the process is there for."""

    async def start(self, port: int) -> int:
        """Listen for control calls; return the port. Raises OSError if that cannot be."""

    async def stop(self) -> None:
        """End everything."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Port 0 takes a free one; without a token the API is open to this machine."""

    control_port: int
    token: str | None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read WORKBENCH_CONTROL_PORT and WORKBENCH_TOKEN."""
        port = os.environ.get("WORKBENCH_CONTROL_PORT", "")
        if not port.isdigit() or int(port) > 65535:
            raise UsageError(
                f"WORKBENCH_CONTROL_PORT is {port!r}, not a port", hint="Set it to a free port, or to 0 for any."
            )
        return cls(int(port), token_from_environment())


def token_from_environment() -> str | None:
    """Return WORKBENCH_TOKEN, if there is one."""
    return os.environ.get("WORKBENCH_TOKEN") or None


def run_process(name: str, make: Callable[[str | None], Served]) -> None:
    """Run until SIGTERM or SIGINT. The first line on stdout says the control port.

    `make` is called with the token, in the running event loop.
    """
    try:
        settings = Settings.from_environment()
        try:
            serve(lambda: make(settings.token), settings.control_port, _tell_port)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot listen on 127.0.0.1:{settings.control_port}: {error.strerror}",
                hint="Another process holds the port; end it or choose another one.",
            ) from error
    except WorkbenchError as error:
        print(f"{name}: {error.message}", file=sys.stderr)  # noqa: T201 - this is its log
        if error.hint:
            print(error.hint, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


def serve(make: Callable[[], Served], port: int, ready: Callable[[int], None]) -> None:
    """Run until SIGTERM or SIGINT; `ready` is told the port. Raises what `make` and `start` raise."""
    uvloop.run(_serve(make, port, ready))


def _tell_port(port: int) -> None:
    sys.stdout.write(json.dumps({"control_port": port}) + "\n")
    sys.stdout.flush()


async def _serve(make: Callable[[], Served], port: int, ready: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    served = make()
    try:
        bound = await served.start(port)
        gc.freeze()
        ready(bound)
        await told.wait()
    finally:
        await served.stop()
        gc.unfreeze()
