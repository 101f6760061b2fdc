"""The real Toxiproxy as a fault plane behind the engine's port.

It knows no leases: what a runner leaves behind is undone by the supervisor, or by `workbench heal`. It counts nothing
while connections are open and keeps no rows, so attempts are those of the callers' spans.
"""

from __future__ import annotations

import time

from workbench.adapters.canary import Canary
from workbench.adapters.toxics import fault_of, toxics_of
from workbench.adapters.toxiproxy_client import DEADLINE_S, ProxyNow, ToxiproxyClient
from workbench.engine.ports import FaultState
from workbench.errors import HarnessError
from workbench.model.faults.base import EdgeFault, FaultBase
from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.supervisor.planes import MARK

_DISABLED = "disabled"
"""Stands for the fault of a proxy that is disabled and bears no mark: somebody else did it, or a call was cut short."""

_CUT_WITHIN_S = 1.0


class ToxiproxyPlane:
    """One stack's Toxiproxy. `system` tells where canary requests may go without doing harm."""

    def __init__(self, stack: RunningStack, system: System | None, *, deadline_s: float = DEADLINE_S) -> None:
        self._server = ToxiproxyClient(stack.plane_url, deadline_s=deadline_s)
        self._impatient = ToxiproxyClient(stack.plane_url, deadline_s=_CUT_WITHIN_S)
        self._canary = Canary(stack, system)
        self._servers = stack.servers
        self._since: dict[str, int] = {}

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> FaultState:  # noqa: ARG002 - it has neither
        """Put a fault on; it is on when this returns, and stays until somebody takes it off."""
        assert isinstance(fault, EdgeFault)
        toxics = toxics_of(fault)
        for toxic in toxics:
            self._server.add(fault.edge, toxic)
        if any(toxic.type == MARK for toxic in toxics):
            self._server.enable(fault.edge, on=False)
        self._since[fault.id] = time.monotonic_ns()
        return self._state(fault.id, fault.edge, fault.kind)

    def faults(self) -> list[FaultState]:
        """Return what is on, also what others have put on; kinds are in Toxiproxy's words."""
        found: dict[tuple[str, str], str] = {}
        for proxy in self._server.proxies().values():
            if proxy.name in self._servers:
                continue  # the supervisor holds what is on there
            kinds = {fault_of(toxic.name): toxic.type for toxic in proxy.toxics}
            if not proxy.enabled and not _marks(proxy):
                kinds[_DISABLED] = _DISABLED
            found |= {(fault_id, proxy.name): kind for fault_id, kind in kinds.items()}
        return [self._state(fault_id, edge, kind) for (fault_id, edge), kind in found.items()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:  # noqa: ARG002 - it has no leases
        """Return the ids that are no longer on: somebody took them off, or the server was replaced."""
        on = {state.id for state in self.faults()}
        return [fault_id for fault_id in ids if fault_id not in on]

    def undo(self, fault_id: str) -> FaultState | None:
        """Take a fault off; return its last state, or None if it was not on.

        Where that takes longer than its deadline, the proxy is disabled for a moment: the connections whose readers
        have stalled end, and with them the wait. If even that is not answered, the supervisor has to replace the
        server; the HarnessError leads there.
        """
        found = [state for state in self.faults() if state.id == fault_id]
        for state in found:
            try:
                self._take_off(self._server, fault_id, state.target)
            except HarnessError:
                self._impatient.enable(state.target, on=False)
                self._take_off(self._impatient, fault_id, state.target)
        self._since.pop(fault_id, None)
        return found[0] if found else None

    def _take_off(self, server: ToxiproxyClient, fault_id: str, edge: str) -> None:
        """Remove its toxics; open the listener, unless another fault keeps it closed."""
        proxy = server.proxies().get(edge)
        if proxy is None:
            return  # the server was replaced a moment ago, and whoever replaced it makes its proxies
        for toxic in proxy.toxics:
            if fault_of(toxic.name) == fault_id:
                server.remove(edge, toxic.name)
        if not proxy.enabled and not [mark for mark in _marks(proxy) if mark != fault_id]:
            server.enable(edge, on=True)

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:
        """Send one request over an edge, or straight to its callee."""
        return self._canary.send(target, past_the_plane=past_the_plane)

    def _state(self, fault_id: str, edge: str, kind: str) -> FaultState:
        """Since when it is on only the one who put it on knows; to others it is on from now."""
        since = self._since[fault_id] if fault_id in self._since else time.monotonic_ns()
        return FaultState(fault_id, edge, since, kind=kind)


def _marks(proxy: ProxyNow) -> list[str]:
    """Return the faults for which a proxy is disabled."""
    return [fault_of(toxic.name) for toxic in proxy.toxics if toxic.type == MARK]
