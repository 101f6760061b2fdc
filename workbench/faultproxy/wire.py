"""What travels between the fault plane's control API and its client. Shared by both sides, so it holds no behaviour."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.model.base import Frozen
from workbench.model.events import Clock
from workbench.model.faults import FaultSpec
from workbench.model.names import EdgeName, Name

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

    fault: FaultSpec
    seed: int
    lease_ms: int = LeaseMs


class Lease(Frozen):
    """Answer to POST /faults. Times are absolute, on the monotonic clock."""

    id: Name
    edge: EdgeName
    active_since_ns: int
    expires_at_ns: int


class Counts(Frozen):
    """Requests (of an edge that is not HTTP: connections) that a fault met. eligible = hit + passed."""

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


class FaultList(Frozen):
    """Answer to GET /faults and DELETE /faults."""

    faults: list[FaultState]


class RenewOrder(Frozen):
    """Body of POST /faults/renew."""

    ids: list[Name]
    lease_ms: int = LeaseMs


class Renewal(Frozen):
    """Answer to POST /faults/renew: `unknown` have expired or never were."""

    renewed: list[Name]
    unknown: list[Name]


class RecordingOrder(Frozen):
    """Body of PUT /recording. `canary` is the token that marks the workbench's own requests."""

    directory: str = Field(pattern="^/", description="absolute path of the folder of raw tables")
    run_id: str = Field(min_length=1)
    canary: str = Field(min_length=8)


class RecordingStarted(Frozen):
    """Answer to PUT /recording."""

    clock: Clock


class RecordingState(Frozen):
    """Answer to GET /recording. Tables are missing while nothing is recorded."""

    active: bool
    rows: dict[str, int]
    dropped: dict[str, int]
    error: str | None


class RecordingEnd(Frozen):
    """Answer to DELETE /recording: what is in the files, and what could not be kept."""

    clock: Clock
    rows: dict[str, int]
    dropped: dict[str, int]
    error: str | None


class Health(Frozen):
    """Answer to GET /health."""

    ok: bool
    monotonic_ns: int


class Refusal(Frozen):
    """Body of every answer with an error status."""

    error: str
    status: int
    problems: list[str] = Field(default_factory=list)
