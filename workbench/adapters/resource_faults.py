"""Faults on resources behind the engine's port: the services that use them carry them out, each at its own client.

A service forgets a disturbance when it ends, and when its lease does. So a renewal renews what is there and begins
nothing: a service that was started anew would otherwise begin to count from 0, and nobody would notice; and what was
just undone would be on again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from urllib.parse import quote

from pydantic import BaseModel

from workbench.adapters.process_client import ProcessClient
from workbench.engine import ports
from workbench.errors import HarnessError
from workbench.model.faults import resource_kind
from workbench.model.faults.base import FaultBase
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.resource_actions import Disturb, ResourceType
from workbench.model.stack import RunningStack
from workbench.model.units import NS_PER_MS

_DEADLINE_S = 5.0
_RENEWED_WITHIN_S = 2.0
"""Half of a lease, so that another try comes in time."""


class _Disturbance(BaseModel):
    """What a service says of one."""

    id: str
    resource: ResourceType
    do: str
    eligible: int
    hit: int
    passed: int
    lease_left_ms: int | None = None


class _Disturbances(BaseModel):
    disturbances: list[_Disturbance]


@dataclass(slots=True)
class _Held:
    """What was asked for, of whom, and since when it is on (absolute, ns)."""

    fault: ResourceFault
    order: Mapping[str, object]
    since_ns: int = 0
    seen: dict[str, _Disturbance] = field(default_factory=dict)


class ResourceFaults:
    """The faults on the resources of one stack. `ready` tells how a service answers when asked whether it is ready."""

    def __init__(self, stack: RunningStack, ready: Callable[[str], str]) -> None:
        self._resources = stack.resources
        self._ready = ready
        self._clients = {
            service: ProcessClient(service, service, url, stack.token, _DEADLINE_S)
            for resource in stack.resources.values()
            for service, url in resource.disturb.items()
        }
        self._held: dict[str, _Held] = {}
        self._may_have: set[str] = set(self._clients)
        """Services that may have a disturbance: at first all, because others may have been at work before us."""

    def inject(self, fault: FaultBase, seed: int, lease_ms: int) -> ports.FaultState:
        assert isinstance(fault, ResourceFault)
        return self.put(fault, fault.action(), seed, lease_ms)

    def put(self, fault: ResourceFault, action: Disturb, seed: int, lease_ms: int) -> ports.FaultState:
        """Have the services of a fault do this, and count what they hit."""
        order = {"resource": fault.is_on, **asdict(action), "share": fault.part_hit, "seed": seed}
        held = self._held[fault.id] = _Held(fault, order)
        for service in fault.services:
            self._may_have.add(service)
            held.seen[service] = self._put(fault.id, service, order, lease_ms)
        held.since_ns = time.monotonic_ns()
        return self._state(fault.id, held.seen)

    def faults(self) -> list[ports.FaultState]:
        """A service that hangs has what it was last known to have of ours, and what others did there nobody knows."""
        found: dict[str, dict[str, _Disturbance]] = {}
        for service in sorted(self._may_have):
            asked = self._listed(service)
            if asked is None:
                asked = [held.seen[service] for held in self._held.values() if service in held.seen]
            elif not asked and not any(service in held.fault.services for held in self._held.values()):
                self._may_have.discard(service)
            for disturbance in asked:
                found.setdefault(disturbance.id, {})[service] = disturbance
        return [self._state(fault_id, seen) for fault_id, seen in found.items()]

    def renew(self, ids: list[str], lease_ms: int) -> list[str]:
        """One service that does not answer keeps no other lease from being renewed."""
        gone, failures = [], []
        for fault_id in ids:
            try:
                if not self._renewed(fault_id, lease_ms):
                    gone.append(fault_id)
            except HarnessError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return gone

    def _renewed(self, fault_id: str, lease_ms: int) -> bool:
        held = self._held.get(fault_id)
        if held is None:
            return False
        services, body = held.fault.services, _body(held.order, lease_ms)
        for service in services:
            client = replace(self._clients[service], deadline_s=_RENEWED_WITHIN_S)
            seen = _if_there(partial(client.change, _path(fault_id), _Disturbance, body))
            if seen is None:
                self._remove(fault_id, services)  # half a fault is none
                return False
            held.seen[service] = seen
        return True

    def undo(self, fault_id: str) -> ports.FaultState | None:
        """Take it off everywhere. None if it was not on in every service that it was put on."""
        held = self._held.get(fault_id)
        services = sorted(self._may_have) if held is None else held.fault.services
        last = self._remove(fault_id, services)
        whole = bool(last) if held is None else len(last) == len(services)
        state = self._state(fault_id, last) if whole else None
        self._held.pop(fault_id, None)
        return state

    def canary(self, target: str, *, past_the_plane: bool = False) -> str:  # noqa: ARG002 - there is no other way to it
        """Ask the services of a resource whether they are ready; return what the first one said that is not."""
        said = [self._ready(service) for service in self._resources[target].disturb]
        return next((answer for answer in said if answer != "answered"), "answered")

    def _remove(self, fault_id: str, services: list[str]) -> dict[str, _Disturbance]:
        last: dict[str, _Disturbance] = {}
        for service in services:
            ask = self._clients[service].ask_or_none
            seen = _if_there(partial(ask, "DELETE", _path(fault_id), _Disturbance))
            if seen is not None:
                last[service] = seen
        return last

    def _put(self, fault_id: str, service: str, order: Mapping[str, object], lease_ms: int) -> _Disturbance:
        return self._clients[service].ask("PUT", _path(fault_id), _Disturbance, _body(order, lease_ms))

    def _listed(self, service: str) -> list[_Disturbance] | None:
        """Return what a service has; None if it does not say."""
        try:
            return self._clients[service].ask("GET", "", _Disturbances).disturbances
        except HarnessError as error:
            return [] if _is_away(error) else None

    def _state(self, fault_id: str, seen: Mapping[str, _Disturbance]) -> ports.FaultState:
        """Return what services say as one fault: counts of each, and their sums."""
        counts: dict[str, int] = {}
        for name in ("eligible", "hit", "passed"):
            by_service = {service: int(getattr(disturbance, name)) for service, disturbance in seen.items()}
            counts[name] = sum(by_service.values())
            counts |= {f"{service}.{name}": number for service, number in by_service.items()}
        held = self._held.get(fault_id)
        service, one = next(iter(seen.items()))
        left = [disturbance.lease_left_ms for disturbance in seen.values() if disturbance.lease_left_ms is not None]
        return ports.FaultState(
            id=fault_id,
            target=self._resource_of(service, one.resource),
            active_since_ns=0 if held is None else held.since_ns,
            counts=counts,
            kind=resource_kind(one.resource, one.do),
            expires_at_ns=time.monotonic_ns() + min(left) * NS_PER_MS if left else 0,
        )

    def _resource_of(self, service: str, kind: ResourceType) -> str:
        fitting = [name for name, one in self._resources.items() if one.kind == kind and service in one.disturb]
        return fitting[0] if fitting else f"{kind} of {service}"


def _path(fault_id: str) -> str:
    return f"/{quote(fault_id, safe='')}"


def _body(order: Mapping[str, object], lease_ms: int) -> str:
    return json.dumps({**order, "lease_ms": lease_ms})


def _if_there(ask: Callable[[], _Disturbance | None]) -> _Disturbance | None:
    """Return what a service says of one; a service that has ended has none."""
    try:
        return ask()
    except HarnessError as error:
        if _is_away(error):
            return None
        raise


def _is_away(error: HarnessError) -> bool:
    """Tell whether nobody listens: the process has ended, and what was on in it with it."""
    cause = error.__cause__
    return cause is not None and isinstance(cause.__cause__, ConnectionRefusedError)
