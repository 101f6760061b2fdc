"""What travels between the fault plane's control API and its client. Shared by both sides, so it holds no behaviour."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.model.base import Frozen
from workbench.model.faults import EdgeFaultSpec
from workbench.model.names import EdgeName, Name
from workbench.model.recording import RecordingOrder

LONGEST_LEASE_MS = 24 * 60 * 60 * 1000

LeaseMs = Field(ge=1, le=LONGEST_LEASE_MS, description="milliseconds until the fault expires unless renewed")


class ProxyOrder(Frozen):
    """A listener to be made. Toxiproxy's own fields, and the protocol."""

    name: EdgeName
    listen: str
    upstream: str
    enabled: bool = True
    protocol: Literal["http", "tcp"] = "http"


class ProxyState(BaseModel):
    """A listener as it is. `listen` is the real address. Toxiproxy's servers may say more than this."""

    model_config = ConfigDict(frozen=True)

    name: str
    listen: str
    upstream: str
    enabled: bool


class ProxyList(BaseModel):
    """Answer to POST /populate."""

    model_config = ConfigDict(frozen=True)

    proxies: list[ProxyState] | None


class FaultOrder(Frozen):
    """Body of POST /faults. `seed` counts unless the fault declares its own."""

    fault: EdgeFaultSpec
    seed: int
    lease_ms: int = LeaseMs


class Lease(Frozen):
    """Answer to POST /faults. Times are absolute, on the monotonic clock."""

    id: Name
    edge: EdgeName
    active_since_ns: int
    expires_at_ns: int


class Counts(Frozen):
    """Requests that a fault met; of an edge that is not HTTP connections, of a fault on packets packets.

    eligible = hit + passed.
    """

    eligible: int
    hit: int
    passed: int


class FaultState(Frozen):
    """One fault that is on, or the last state of one that was removed."""

    id: Name
    edge: EdgeName
    kind: str
    active_since_ns: int
    expires_at_ns: int
    counts: Counts
    first_hit_ns: int | None
    last_hit_ns: int | None
    on: bool
    """False while one that flaps is off."""
    on_ns: int
    """How long it has been on in all."""
    bytes_in: int = Field(description="from callers, in hit attempts, those under way included")
    bytes_out: int = Field(description="to callers, likewise")
    delay_ns: int = Field(description="added to hit attempts, by this fault and others")


class FaultList(Frozen):
    """Answer to GET /faults and DELETE /faults."""

    faults: list[FaultState]


class EdgeStats(Frozen):
    """Answer to GET /proxies/{name}/stats: what passed, and what the faults that are on have done."""

    name: str
    attempts: int
    connections: int
    faults: list[FaultState]


class RenewOrder(Frozen):
    """Body of POST /faults/renew."""

    ids: list[Name]
    lease_ms: int = LeaseMs


class Renewal(Frozen):
    """Answer to POST /faults/renew: `unknown` have expired or never were."""

    renewed: list[Name]
    unknown: list[Name]


class MarkedRecordingOrder(RecordingOrder):
    """Body of PUT /recording: of the plane, the canary's token is wanted too."""

    canary: str = Field(min_length=8)
