"""What a service says it has done, read from its own database before and after a run.

Any service can offer it: GET on its audit address answers this document. Keys are those the load sent
(idempotency keys); only keys of this run are judged, so earlier data does no harm.
"""

from __future__ import annotations

from pydantic import Field

from workbench.model.base import Frozen


class AuditRecord(Frozen):
    """A thing that a client was promised, such as an order."""

    kind: str = Field(examples=["order"])
    id: str
    key: str = Field(description="idempotency key of the client's request")
    state: str
    terminal: bool = Field(description="nothing more will happen to it")
    trace_id: str | None = Field(default=None, description="W3C trace id of the request that made it, if it is known")


class AuditEffect(Frozen):
    """Something that must happen at most once per key, such as a capture."""

    kind: str = Field(examples=["capture", "reservation"])
    key: str = Field(description="idempotency key of the client's request that caused it")
    id: str
    state: str = ""
    trace_id: str | None = Field(default=None, description="W3C trace id of the request that caused it, if it is known")
    part: str | None = Field(default=None, description="what it took from: a key of `parts`", examples=["product 7"])
    amount: int | None = Field(default=None, description="how much it took", examples=[2])
    at_wall_ns: int | None = Field(default=None, description="when, in ns of wall time")


class Audit(Frozen):
    """One service's own account."""

    service: str
    records: list[AuditRecord] = Field(default_factory=list)
    effects: list[AuditEffect] = Field(default_factory=list)
    pending: int = Field(default=0, description="work accepted and not finished: queued orders, outbox rows")
    totals: dict[str, int] = Field(
        default_factory=dict,
        description="sums over all that there is, read in one transaction; `conserved` of system.yaml says how they"
        " have to agree",
        examples=[{"on_hand": 41, "reserved": 0, "sold": 9}],
    )
    parts: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="the same totals for each part by itself, such as each product: a rule that says `constant` is held"
        " against each part, too, and the effects that took from one that is off are named",
        examples=[{"product 7": {"on_hand": 3, "reserved": 0, "sold": 1}}],
    )
