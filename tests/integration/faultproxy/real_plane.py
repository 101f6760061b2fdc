"""The real Toxiproxy behind the runner's adapter, with the methods by which the contract asks a fault plane."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.integration.faultproxy.toxiproxy_servers import real
from workbench.adapters.plane_client import PlaneClient
from workbench.adapters.toxiproxy_client import ToxiproxyClient
from workbench.adapters.toxiproxy_plane import ToxiproxyPlane
from workbench.engine import ports
from workbench.faultproxy.wire import Counts, FaultState, Lease, ProxyOrder, ProxyState, Renewal
from workbench.model.faults.base import EdgeFault
from workbench.model.planes import PlaneName
from workbench.model.recording import Health
from workbench.model.stack import RunningStack


class RealPlane(PlaneClient):
    """Speaks to the adapter. Leases never end, and counts are all zero: Toxiproxy has neither."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.server = ToxiproxyClient(url)
        self.plane = ToxiproxyPlane(stack_at(url), None)
        self._kinds: dict[str, str] = {}

    def create_proxies(self, orders: Sequence[ProxyOrder]) -> list[ProxyState]:
        made = [self.server.create(order.name, order.listen, order.upstream) for order in orders]
        return [ProxyState(name=p.name, listen=p.listen, upstream=p.upstream, enabled=p.enabled) for p in made]

    def add_fault(self, fault: EdgeFault, seed: int, lease_ms: int) -> Lease:
        state = self.plane.inject(fault, seed, lease_ms)
        self._kinds[fault.id] = fault.kind
        return Lease(id=state.id, edge=state.target, active_since_ns=state.active_since_ns, expires_at_ns=2**62)

    def fault(self, fault_id: str) -> FaultState | None:
        return next((state for state in self.faults() if state.id == fault_id), None)

    def faults(self) -> list[FaultState]:
        return [self._wire(state) for state in self.plane.faults()]

    def renew(self, fault_ids: Sequence[str], lease_ms: int) -> Renewal:
        gone = self.plane.renew(list(fault_ids), lease_ms)
        return Renewal(renewed=[name for name in fault_ids if name not in gone], unknown=gone)

    def remove(self, fault_id: str) -> FaultState | None:
        last = self.plane.undo(fault_id)
        return None if last is None else self._wire(last)

    def remove_all(self) -> list[FaultState]:
        return [last for state in self.faults() if (last := self.remove(state.id)) is not None]

    def health(self) -> Health:
        return Health(ok=self.server.version() != "", monotonic_ns=time.monotonic_ns())

    def _wire(self, state: ports.FaultState) -> FaultState:
        return FaultState(
            id=state.id,
            edge=state.target,
            kind=self._kinds[state.id],
            active_since_ns=state.active_since_ns,
            expires_at_ns=2**62,
            counts=Counts(eligible=0, hit=0, passed=0),
            first_hit_ns=None,
            last_hit_ns=None,
            on=True,
            on_ns=0,
            bytes_in=0,
            bytes_out=0,
            delay_ns=0,
        )


def stack_at(url: str) -> RunningStack:
    """Return a stack of which nothing is known but its plane."""
    return RunningStack(
        stack_id="s",
        system="s",
        system_file="s",
        port_base=1,
        services={},
        edges={},
        control_url="",
        fault_plane=PlaneName.TOXIPROXY,
        plane_url=url,
        collector_url="",
        token="",
        abilities=sorted(PlaneName.TOXIPROXY.abilities),
        owned=False,
    )


@contextmanager
def real_plane() -> Iterator[RealPlane]:
    """Start the real server; skips where it is not at hand."""
    with real() as port:
        yield RealPlane(f"http://127.0.0.1:{port}")
