"""What travels between the supervisor and its client about faults on processes and servers.

No behaviour, standard library only.

Renewals have the form that they have at the fault plane.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Evidence = dict[str, str | int | float | bool]
"""What was seen when a fault was verified to be on, or off."""


@dataclass(frozen=True, slots=True)
class ProcessFaultOrder:
    """Body of POST /faults.

    `action` is one of workbench.model.faults.process_actions, as a mapping; or `service` is a server with Toxiproxy in
    front of it, and `action` says which `toxics` to put there, and whether to have it `closed`.
    """

    id: str
    kind: str
    service: str
    action: dict[str, Any]
    lease_ms: int


@dataclass(frozen=True, slots=True)
class ProcessFaultState:
    """A fault that is on, or the last state of one that was removed. Times are absolute, on the monotonic clock.

    `error` says why an undo that was tried has failed: the fault counts as on until one succeeds.
    """

    id: str
    kind: str
    service: str
    active_since_ns: int
    expires_at_ns: int
    evidence: Evidence = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessFaultList:
    """Answer to GET /faults and DELETE /faults."""

    faults: list[ProcessFaultState]
