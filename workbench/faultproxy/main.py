"""The fault plane's process: as a part of a stack, or alone in place of a Toxiproxy server."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import random
import resource
from collections.abc import Callable

from workbench.errors import EnvironmentFailure
from workbench.faultproxy.addresses import format_address
from workbench.faultproxy.control import ControlServer
from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.toxiproxy.documents import ConfiguredProxy
from workbench.faultproxy.toxiproxy.orders import toxic_of
from workbench.serving import run_process, serve

Holder = Callable[[int], str]
"""Says who listens on a port."""
_COLLECT_AFTER = (5_000, 10, 100)
"""Objects until the youngest are looked at, and how often that is done until older ones are."""


class _FaultProxy:
    """A plane and the API that commands it."""

    def __init__(self, options: Options, holder: Holder | None = None) -> None:
        self._options = options
        self._holder = holder
        loop = asyncio.get_running_loop()
        self._plane = Plane(loop, anywhere=options.anywhere, counts_bytes=options.proxy_metrics)
        self._chance = random.Random(options.seed)
        self._control = ControlServer(self._plane, options, self._chance)

    async def start(self, port: int) -> int:
        await self._make_proxies()
        return await self._control.start(port)

    async def _make_proxies(self) -> None:
        """Make what a config file declares. Raises EnvironmentFailure with every address that is taken."""
        taken = []
        for proxy in self._options.proxies:
            try:
                edge = await self._plane.add_edge(
                    proxy.name, proxy.listen, proxy.upstream, protocol=proxy.protocol, enabled=proxy.enabled
                )
            except OSError as error:
                taken.append(f"proxy {proxy.name} cannot listen on {proxy.listen}: {self._reason(proxy, error)}")
                continue
            for toxic in proxy.toxics:
                edge.add_rule(toxic_of(toxic, self._chance))
        if taken:
            raise EnvironmentFailure("; ".join(taken), hint="End what holds it, or choose another address in the file.")

    def _reason(self, proxy: ConfiguredProxy, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE and self._holder is not None:
            return f"it is held by {self._holder(int(proxy.listen.rpartition(':')[2]))}"
        return error.strerror or str(error)

    async def stop(self) -> None:
        await self._plane.close()
        await self._control.stop()


def main() -> None:
    """Forward, and inject faults, until SIGTERM. In a container WORKBENCH_CONTROL_HOST lets its neighbours in."""
    _allow_many_connections()
    host = os.environ.get("WORKBENCH_CONTROL_HOST") or "127.0.0.1"
    run_process("faultproxy", lambda token: _FaultProxy(Options(token=token, host=host)))


def run_alone(options: Options, port: int, ready: Callable[[str], None], holder: Holder) -> None:
    """Do the same without a stack; `ready` is told the address. Raises OSError if it cannot be listened on."""
    _allow_many_connections()
    serve(lambda: _FaultProxy(options, holder), port, lambda bound: ready(format_address(options.host, bound)))


def _allow_many_connections() -> None:
    """Each proxied connection takes two descriptors; the usual soft limit is 1024.

    It also takes some 30 objects, and with 10 000 of them a full garbage collection holds everything up for 0.1 s or
    more. Connections that are over leave nothing for it to find, so there is hardly one: for five million objects more.
    """
    gc.set_threshold(*_COLLECT_AFTER)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return
