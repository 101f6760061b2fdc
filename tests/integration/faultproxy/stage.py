"""A fault plane with one edge and a callee behind it, as seen through the client that the runner uses.

A plane is one entry of `PLANES`: how to start it, and what it is able to do.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.faultproxy.process import TOKEN, callee, plane_process
from tests.integration.faultproxy.real_plane import real_plane
from workbench.adapters.obstacles import obstacles
from workbench.adapters.plane_client import PlaneClient
from workbench.faultproxy.wire import Counts, FaultOrder, ProxyOrder
from workbench.model.faults.base import Ability, EdgeFault
from workbench.model.planes import PlaneName
from workbench.model.runtimes import RuntimeName

EDGE = "orders:payments"
CANARY = "0123456789abcdef"
LEASE_MS = 60_000


@contextmanager
def built_in() -> Iterator[PlaneClient]:
    with plane_process() as plane:
        yield PlaneClient(plane.url, TOKEN)


@dataclass(frozen=True)
class Served:
    start: Callable[[], AbstractContextManager[PlaneClient]]
    abilities: frozenset[Ability]
    lacks: frozenset[str] = frozenset()
    """What else it does not do: `leases`, `counts`, `rows`."""


PLANES = {
    "built-in": Served(built_in, PlaneName.BUILTIN.abilities - obstacles(RuntimeName.NATIVE).keys()),
    "toxiproxy": Served(real_plane, PlaneName.TOXIPROXY.abilities, frozenset({"leases", "counts", "rows"})),
}


@dataclass
class Stage:
    """A plane with one edge, and who is behind it."""

    client: PlaneClient
    abilities: frozenset[Ability]
    host: str
    port: int
    upstream: str
    asked: list[str] = field(default_factory=list)
    lacks: frozenset[str] = frozenset()

    def need(self, *abilities: Ability) -> None:
        missing = set(abilities) - self.abilities
        if missing:
            pytest.skip(f"this plane cannot: {', '.join(sorted(missing))}")

    def need_its(self, *duties: str) -> None:
        missing = self.lacks.intersection(duties)
        if missing:
            pytest.skip(f"this plane has no {', '.join(sorted(missing))}")

    def connect(self, timeout_s: float = 20.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)

    def get(self, path: str = "/x", connection: http.client.HTTPConnection | None = None, **headers: str) -> int:
        """Send a request over the edge; return the status."""
        used = connection or self.connect()
        try:
            used.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = used.getresponse()
            response.read()
            return response.status
        finally:
            if connection is None:
                used.close()

    def put_on(self, fault_id: str = "f", lease_ms: int = LEASE_MS, seed: int = 1, **fields: Any) -> EdgeFault:
        declared = {"id": fault_id, "edge": EDGE, **fields}
        fault: EdgeFault = FaultOrder.model_validate({"fault": declared, "seed": seed, "lease_ms": 1}).fault
        self.client.add_fault(fault, seed, lease_ms)
        return fault

    def counts(self, fault_id: str = "f") -> Counts:
        state = self.client.fault(fault_id)
        assert state is not None
        return state.counts

    def refuses(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False


@contextmanager
def staged(client: PlaneClient, abilities: frozenset[Ability], lacks: frozenset[str] = frozenset()) -> Iterator[Stage]:
    """Make the edge; take everything off it afterwards."""
    with callee() as (upstream, asked):
        (proxy,) = client.create_proxies([ProxyOrder(name=EDGE, listen="127.0.0.1:0", upstream=upstream)])
        host, _, port = proxy.listen.rpartition(":")
        yield Stage(client, abilities, host, int(port), upstream, asked, lacks)
        client.remove_all()
