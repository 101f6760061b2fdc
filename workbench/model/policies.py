"""What a caller says it does on an edge: timeout, attempts, breaker. Exported by services, or written in system.yaml.

Checks compare what was observed with these numbers; they never take them as proof that anything works.
"""

from __future__ import annotations

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.names import EdgeName
from workbench.model.units import Duration


class BreakerPolicy(Frozen):
    """A circuit breaker as seen from outside."""

    failures_to_open: int = Field(
        ge=1, description="so many failing attempts in a row open it, whatever came before (the worst case)"
    )
    reset_timeout: Duration = Field(description="how long it stays open before the first probe")
    half_open_probes: int = Field(default=1, ge=1, description="concurrent probes while half open")


class EdgePolicy(Frozen):
    """What the caller does on one edge. A missing part means the caller has no such mechanism, or does not say."""

    timeout: Duration | None = Field(default=None, description="per attempt")
    attempts: int = Field(default=1, ge=1, description="most attempts of one logical call (1 = no retry)")
    breaker: BreakerPolicy | None = None
    bulkhead: int | None = Field(default=None, ge=1, description="most concurrent attempts")
    fallback: str | None = Field(default=None, description="name of the fallback")


class Policies(Frozen):
    """The policies of one service, or of a whole system, by edge."""

    edges: dict[EdgeName, EdgePolicy] = Field(default_factory=dict)
