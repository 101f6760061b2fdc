"""Faults on processes behind the engine's port: the supervisor is their parent, so it does them and undoes them.

It holds those on real servers, too, which `workbench.adapters.server_faults` puts together from this.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from urllib.parse import quote

from workbench.adapters.process_client import ProcessClient
from workbench.calls import NoAnswer, Refused, call
from workbench.engine import ports
from workbench.faultproxy.wire import Renewal, RenewOrder
from workbench.model.faults.base import FaultBase, ServiceFault
from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.supervisor.wire import ProcessFaultList, ProcessFaultOrder, ProcessFaultState

_DEADLINE_S = 45.0
"""Beyond all that the supervisor waits for: that a process ends, starts, and is ready."""
_ASK_S = 5.0
_CANARY_TIMEOUT_S = 1.0


class ProcessFaults:
    """The faults on the services of one stack. `system` tells at which address a service says that it is ready."""

    def __init__(self, stack: RunningStack, system: System | None) -> None:
        self._stack = stack
        self._system = system
        self._slow = ProcessClient("supervisor", "supervisor", stack.control_url, stack.token, _DEADLINE_S)
        self._quick = ProcessClient("supervisor", "supervisor", stack.control_url, stack.token, _ASK_S)

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> ports.FaultState:  # noqa: ARG002 - nothing is random
        assert isinstance(fault, ServiceFault)
        order = ProcessFaultOrder(fault.id, fault.kind, fault.service, asdict(fault.action()), lease_ms)
        return self.put(order)

    def put(self, order: ProcessFaultOrder) -> ports.FaultState:
        """Have the supervisor put something on; it is on when this returns."""
        return _state(self._slow.ask("POST", "/faults", ProcessFaultState, json.dumps(asdict(order))))

    def faults(self) -> list[ports.FaultState]:
        return self.of(self._stack.services)

    def of(self, targets: Collection[str]) -> list[ports.FaultState]:
        """Return what the supervisor has on any of these."""
        on = self._quick.ask("GET", "/faults", ProcessFaultList).faults
        return [_state(fault) for fault in on if fault.service in targets]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        order = RenewOrder(ids=ids, lease_ms=lease_ms)
        return self._quick.ask("POST", "/faults/renew", Renewal, order.model_dump_json()).unknown

    def undo(self, fault_id: str) -> ports.FaultState | None:
        return self.undo_of(self._stack.services, fault_id)

    def undo_of(self, targets: Collection[str], fault_id: str) -> ports.FaultState | None:
        """Take it off if it is on one of these; return its last state."""
        if fault_id not in [fault.id for fault in self.of(targets)]:
            return None
        last = self._slow.ask_or_none("DELETE", f"/faults/{quote(fault_id, safe='')}", ProcessFaultState)
        return None if last is None else _state(last)

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:  # noqa: ARG002 - there is no other way to it
        """Ask a service whether it is ready."""
        path = "/" if self._system is None else self._system.services[target].ready
        try:
            call("GET", f"{self._stack.services[target]}{path}", deadline_s=_CANARY_TIMEOUT_S)
        except Refused:
            return "broken"  # it answers that it is not ready
        except NoAnswer as error:
            cause = error.__cause__
            if isinstance(cause, ConnectionRefusedError):
                return "refused"
            return "slow" if isinstance(cause, TimeoutError) else "broken"
        return "answered"


def _state(fault: ProcessFaultState) -> ports.FaultState:
    return ports.FaultState(
        id=fault.id,
        target=fault.service,
        active_since_ns=fault.active_since_ns,
        kind=fault.kind,
        expires_at_ns=fault.expires_at_ns,
        evidence=fault.evidence,
    )
