"""One block of TCP ports per stack, found free before anything starts; who holds a busy one is named."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from workbench.errors import EnvironmentFailure
from workbench.model.system import Edge, System
from workbench.model.tools import Tool

DEFAULT_BASE = 18_000
_BLOCK = 200
_BLOCKS = 50  # up to 28 000, below the ephemeral ports (32768 and up on Linux)
_EDGES, _PLANE, _COLLECTOR, _CONTROL, _RELAY, _RESOURCES, _CLAIM = 100, 190, 191, 192, 197, 198, 199
_TOOLS = {Tool.PROMETHEUS: 193, Tool.JAEGER: 194, Tool.GRAFANA: 196}
_JAEGER_SPANS = 195
_ENGINE_ANSWERS_S = 3.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port of a stack."""

    base: int
    services: dict[str, int]
    further: dict[tuple[str, str], int]
    """Named ports of services, by service and name."""
    edges: dict[str, int]
    tools: Mapping[Tool, int] = field(default_factory=dict)
    """Of the real tools that were asked for; Toxiproxy listens where the plane does."""

    def callee(self, edge: Edge) -> int:
        """Return the port that the listener of an edge forwards to."""
        return self.services[edge.callee] if edge.to is None else self.further[edge.callee, edge.to]

    @property
    def plane(self) -> int:
        return self.base + _PLANE

    @property
    def collector(self) -> int:
        return self.base + _COLLECTOR

    @property
    def control(self) -> int:
        return self.base + _CONTROL

    @property
    def relay(self) -> int:
        """Where the collector meets the relay of containers."""
        return self.base + _RELAY

    @property
    def resources(self) -> int:
        """Where the Toxiproxy in front of real servers is commanded."""
        return self.base + _RESOURCES

    @property
    def jaeger_spans(self) -> int:
        """Where Jaeger takes spans; `tools` has where it is asked."""
        return self.base + _JAEGER_SPANS

    def named(self) -> dict[int, str]:
        """Return what each port is for."""
        return {
            **{port: name for name, port in self.services.items()},
            **{port: f"{service} {name}" for (service, name), port in self.further.items()},
            **{port: f"edge {name}" for name, port in self.edges.items()},
            self.plane: "the fault plane",
            self.collector: "the collector",
            self.control: "the supervisor",
            self.relay: "the relay of containers",
            self.resources: "Toxiproxy in front of real servers",
            **{port: tool for tool, port in self.tools.items()},
            **({self.jaeger_spans: "jaeger, for spans"} if Tool.JAEGER in self.tools else {}),
        }


def choose(system: System, asked_base: int | None, tools: Sequence[Tool] = ()) -> Ports:
    """Return a block of free ports: the one asked for, or the first free one from the default on.

    Raises EnvironmentFailure naming who holds the ports if the block that was asked for is busy.
    """
    if asked_base is not None:
        ports = _layout(system, asked_base, tools)
        busy = [port for port in ports.named() if not _is_free(port)]
        if busy:
            lines = "; ".join(f"{port} ({ports.named()[port]}) is held by {holder(port)}" for port in busy[:5])
            raise EnvironmentFailure(
                f"the ports from {asked_base} on are busy: {lines}",
                hint="end that process, or choose another block with --port-base",
            )
        return ports
    return next(_free_blocks(system, tools))


@contextmanager
def claimed(system: System, asked_base: int | None, tools: Sequence[Tool] = ()) -> Iterator[Ports]:
    """Yield what `choose` returns, and keep it from others who choose meanwhile: a stack takes a while to bind it all.

    The claim is a bound port of the block that no stack uses, so it ends with this process at the latest. A block
    that was asked for is not claimed: who asks for the same one twice gets an error in any case.
    """
    if asked_base is not None:
        yield choose(system, asked_base, tools)
        return
    for ports in _free_blocks(system, tools):
        with socket.socket() as claim:
            try:
                claim.bind(("127.0.0.1", ports.base + _CLAIM))
            except OSError:
                continue
            yield ports
            return


def _free_blocks(system: System, tools: Sequence[Tool]) -> Iterator[Ports]:
    """Yield the blocks whose ports are all free. Raises EnvironmentFailure when there is no further one."""
    for block in range(_BLOCKS):
        ports = _layout(system, DEFAULT_BASE + block * _BLOCK, tools)
        if all(_is_free(port) for port in ports.named()):
            yield ports
    raise EnvironmentFailure(
        f"no free block of ports between {DEFAULT_BASE} and {DEFAULT_BASE + _BLOCKS * _BLOCK}",
        hint="workbench doctor shows who holds them; choose a block with --port-base",
    )


def _layout(system: System, base: int, tools: Sequence[Tool]) -> Ports:
    further = {
        (name, port): base + offset
        for name, service in system.services.items()
        for port, offset in service.ports.items()
    }
    taken = {service.port for service in system.services.values()} | {port - base for port in further.values()}
    free = iter(offset for offset in range(_EDGES) if offset not in taken)
    services = {
        name: base + (service.port if service.port is not None else next(free))
        for name, service in system.services.items()
    }
    edges = {edge.name: base + _EDGES + index for index, edge in enumerate(system.edges)}
    return Ports(base, services, further, edges, {tool: base + _TOOLS[tool] for tool in tools if tool in _TOOLS})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return who listens on a port, as far as the operating system and the Docker engine tell us."""
    container = _container_at(port)
    if container:
        return f"container {container}"
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {connection.pid}: {' '.join(process.cmdline())[:80]})"
    return "a process of another user, or one that ended a moment ago"


def _container_at(port: int) -> str:
    """Return the container that a port of this machine leads to; nothing where there is none, or no engine to ask."""
    if shutil.which("docker") is None:
        return ""
    try:
        asked = subprocess.run(
            ["docker", "ps", "--filter", f"publish={port}", "--format", "{{.Names}}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ENGINE_ANSWERS_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ", ".join(asked.stdout.split())
