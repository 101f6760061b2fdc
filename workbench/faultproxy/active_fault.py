"""What can be on at an edge and taken off again: a fault with its counters and its lease.

An influence knows which connections still feel it, so that lifting it frees exactly those.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

from workbench.faultproxy.admission import Gate
from workbench.faultproxy.effect import Effect
from workbench.faultproxy.numbering import Numbers
from workbench.faultproxy.packets import Packets
from workbench.faultproxy.wire import Counts, FaultState, Lease
from workbench.model.faults.base import Ability, EdgeFault, PacketFault, RequestFault
from workbench.model.faults.eligibility import Match
from workbench.model.faults.seeded import Chance, Draw

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


_NEVER_NS = 1 << 62


class ActiveFault(Influence):
    """A fault that was put on. Times are absolute, from the monotonic clock.

    One that flaps goes off and on again until it is taken off; when, is counted from when it was put on.
    """

    __slots__ = (
        "_on_ns",
        "_on_since_ns",
        "_on_until_ns",
        "active_since_ns",
        "effect",
        "expires_at_ns",
        "first_hit_ns",
        "hit",
        "last_hit_ns",
        "on",
        "seed",
        "spec",
    )

    def __init__(self, spec: EdgeFault, seed: int, now: int, expires_at_ns: int) -> None:
        super().__init__()
        self.spec = spec
        self.seed = spec.seed if spec.seed is not None else seed
        self.active_since_ns = now
        self.expires_at_ns = expires_at_ns
        self.on = False
        self._on_ns = 0
        """How long it was on before the last time that it came on."""
        self._on_since_ns = now
        self._on_until_ns = _NEVER_NS
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

    @property
    def flaps(self) -> bool:
        return self.spec.schedule.period is not None

    def begin(self, now: int) -> None:
        """Count from now on: it has been put on."""
        self.active_since_ns = now
        self._on_since_ns = now
        self._on_until_ns = self.next_turn_ns(now)

    def turn(self, *, on: bool, now: int) -> None:
        """Note that it goes on or off."""
        self._on_ns += self._on_time_until(now)
        self.on = on
        self._on_since_ns = now
        self._on_until_ns = self.next_turn_ns(now)

    def hits_at(self, now: int) -> bool:
        """Tell whether it may hit anything now, however late the timers are that turn it off."""
        return self.on and now < self._on_until_ns and now < self.expires_at_ns

    def should_be_on(self, now: int) -> bool:
        """Tell whether it is to be on now, as long as it is not taken off."""
        period = self.spec.schedule.period
        return period is None or (now - self.active_since_ns) % period < self._on_time_ns

    def next_turn_ns(self, now: int) -> int:
        """Return when it goes on or off next."""
        period = self.spec.schedule.period
        if period is None:
            return _NEVER_NS
        into = (now - self.active_since_ns) % period
        return now - into + (self._on_time_ns if into < self._on_time_ns else period)

    @property
    def _on_time_ns(self) -> int:
        schedule = self.spec.schedule
        return 0 if schedule.period is None else round(schedule.period * schedule.duty)

    def _on_time_until(self, now: int) -> int:
        """Return for how long it has been on since it last came on, beyond its time only where it is felt so long."""
        if not self.on:
            return 0
        return (now if self.closes_listener else min(now, self._on_until_ns)) - self._on_since_ns

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
            on=self.on,
            on_ns=self._on_ns + self._on_time_until(monotonic_ns()),
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

    __slots__ = ("chance", "counts_by", "fits_bytes", "fits_everything", "gate", "id", "memory", "numbers", "rule")

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
        by_ordinal = type(rule).hits is RequestFault.hits and not rule.is_per_connection and rule.counts_by is None
        self.chance = Chance(self.seed, rule.id, rule.share) if by_ordinal else None
        """Decides in place of the rule where the ordinal of the request is all that matters."""

    @property
    def eligible(self) -> int:
        return self.numbers.requests

    def lift(self) -> None:
        self.gate.open()
        super().lift()


class PacketInfluence(ActiveFault):
    """A fault on the packets of an edge: the kernel asks about each of them. What is counted are packets."""

    __slots__ = ("_address", "_met", "_packets", "_rule")

    def __init__(self, rule: PacketFault, seed: int, now: int, expires_at_ns: int) -> None:
        super().__init__(rule, seed, now, expires_at_ns)
        self._rule = rule
        self._met = 0
        self._address: str | None = None
        self._packets: Packets | None = None

    @property
    def eligible(self) -> int:
        return self._met

    def aim(self, address: str | None) -> None:
        """Meet the packets of this address and of no other; None: of none at all.

        Raises OSError if that cannot be done, and ValueError for an address that is not loopback.
        """
        if address == self._address:
            return
        self._address = None
        if self._packets is not None:
            packets, self._packets = self._packets, None
            packets.end()
        if address is not None:
            self._packets = Packets(address, self._decide, asyncio.get_running_loop())
            self._address = address

    def lift(self) -> None:
        if self._packets is not None:
            self._packets.let_go()

    def _decide(self, others_wait: bool) -> int | None:
        """Return for how long the next packet has to wait; None: it is dropped."""
        now = monotonic_ns()
        if not self.hits_at(now):
            return 0
        ordinal, self._met = self._met, self._met + 1
        waits_ns = self._rule.waits_ns(Draw(self.seed, self._rule.id, ordinal, now - self.active_since_ns))
        if self._rule.is_hit(waits_ns, others_wait=others_wait):
            self.count_hit(now)
        return waits_ns


def activate(spec: EdgeFault, seed: int, now: int, expires_at_ns: int) -> ActiveFault:
    """Return the fault, for an edge to put on."""
    if isinstance(spec, RequestFault):
        return RequestInfluence(spec, seed, now, expires_at_ns)
    if isinstance(spec, PacketFault):
        return PacketInfluence(spec, seed, now, expires_at_ns)
    return ActiveFault(spec, seed, now, expires_at_ns)


def fits_bytes(spec: EdgeFault) -> bool:
    """Tell whether a fault means something where there are no requests, only bytes."""
    return Ability.HTTP not in spec.abilities_needed()
