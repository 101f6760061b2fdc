"""What can be on at an edge and taken off again: a fault with its counters and its lease.

An influence knows which connections still feel it, so that lifting it frees exactly those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.faultproxy.admission import Gate
from workbench.faultproxy.effect import Effect
from workbench.faultproxy.numbering import Numbers
from workbench.faultproxy.wire import Counts, FaultState, Lease
from workbench.model.faults.base import Ability, EdgeFault, Match, RequestFault

if TYPE_CHECKING:
    from workbench.faultproxy.connection import Connection


class Influence:
    """Something that holds, delays or swallows bytes of some connections for a while."""

    __slots__ = ("touched",)

    def __init__(self) -> None:
        self.touched: set[Connection] = set()

    def lift(self) -> None:
        """Free every connection that still feels it."""
        for connection in tuple(self.touched):
            connection.lift(self)

    def release(self, connection: Connection) -> None:
        """Forget a connection that has ended or is free."""
        self.touched.discard(connection)


class ActiveFault(Influence):
    """A fault that is on. Times are absolute, from the monotonic clock."""

    __slots__ = (
        "active_since_ns",
        "effect",
        "expires_at_ns",
        "first_hit_ns",
        "hit",
        "last_hit_ns",
        "seed",
        "spec",
    )

    def __init__(self, spec: EdgeFault, seed: int, now: int, expires_at_ns: int) -> None:
        super().__init__()
        self.spec = spec
        self.seed = spec.seed if spec.seed is not None else seed
        self.active_since_ns = now
        self.expires_at_ns = expires_at_ns
        self.hit = 0
        self.effect = Effect()
        self.first_hit_ns: int | None = None
        self.last_hit_ns: int | None = None

    @property
    def eligible(self) -> int:
        """Requests, or connections, that met it."""
        return 0

    @property
    def closes_listener(self) -> bool:
        return self.spec.level == "listener"

    def count_hit(self, now: int) -> None:
        """Note that a request, or a connection, was hit."""
        self.hit += 1
        self.last_hit_ns = now
        if self.first_hit_ns is None:
            self.first_hit_ns = now

    def state(self) -> FaultState:
        """Say what it is and what it has done so far."""
        return FaultState(
            id=self.spec.id,
            edge=self.spec.edge,
            kind=self.spec.kind,
            active_since_ns=self.active_since_ns,
            expires_at_ns=self.expires_at_ns,
            counts=Counts(eligible=self.eligible, hit=self.hit, passed=self.eligible - self.hit),
            first_hit_ns=self.first_hit_ns,
            last_hit_ns=self.last_hit_ns,
            bytes_in=self.effect.bytes_in,
            bytes_out=self.effect.bytes_out,
            delay_ns=self.effect.delay_ns,
        )

    def lease(self) -> Lease:
        """Say since when it is on and how long it may stay."""
        return Lease(
            id=self.spec.id,
            edge=self.spec.edge,
            active_since_ns=self.active_since_ns,
            expires_at_ns=self.expires_at_ns,
        )


class RequestInfluence(ActiveFault):
    """A fault that is decided for each request, or for each connection where there are no requests."""

    __slots__ = ("counts_by", "fits_bytes", "fits_everything", "gate", "id", "memory", "numbers", "rule")

    def __init__(self, rule: RequestFault, seed: int, now: int, expires_at_ns: int) -> None:
        super().__init__(rule, seed, now, expires_at_ns)
        self.rule = rule
        self.id = str(rule.id)
        self.counts_by = rule.counts_by
        self.numbers = Numbers(rule)
        self.gate = Gate()
        self.memory: dict[str, bytes] = {}
        """What its alterations remember."""
        self.fits_everything = rule.match == Match()
        self.fits_bytes = fits_bytes(rule)

    @property
    def eligible(self) -> int:
        return self.numbers.requests


def activate(spec: EdgeFault, seed: int, now: int, expires_at_ns: int) -> ActiveFault:
    """Return the fault, on from now."""
    if isinstance(spec, RequestFault):
        return RequestInfluence(spec, seed, now, expires_at_ns)
    return ActiveFault(spec, seed, now, expires_at_ns)


def fits_bytes(spec: EdgeFault) -> bool:
    """Tell whether a fault means something where there are no requests, only bytes."""
    return Ability.HTTP not in spec.abilities_needed()
