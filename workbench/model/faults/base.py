"""What every fault has in common.

A kind is one file: its fields, what it does to one request, and how an attempt that was hit looks to the
caller. It does no I/O; the plane carries out the `Action`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from workbench.model.base import Frozen
from workbench.model.faults.actions import Action
from workbench.model.faults.eligibility import Key, Match
from workbench.model.faults.process_actions import ProcessAction
from workbench.model.faults.scheduling import Schedule
from workbench.model.faults.seeded import Draw, is_hit
from workbench.model.names import EdgeName, Name
from workbench.model.units import Duration, Ratio


class Ability(StrEnum):
    """What a runtime or a fault plane may or may not be able to do; asked for while planning."""

    NETWORK = "network"  # delay, swallow or refuse connections
    HTTP = "http"  # understand requests: answer, match
    PER_REQUEST = "per_request"  # decide for each request, not for each connection
    SEEDED = "seeded"  # the same seed hits the same ordinals
    RESET = "reset"  # end connections by RST, pooled ones too
    PROCESS = "process"  # stop, kill, restart and throttle services
    MEMORY = "memory"  # limit the memory of a running process
    RESOURCE = "resource"  # disturb databases, brokers and caches
    PACKETS = "packets"  # lose and reorder packets


Level = Literal["request", "listener", "packet", "process", "resource", "load"]


@dataclass(frozen=True, slots=True)
class HitAttempt:
    """One attempt that a fault hit, as the fault plane saw it. Times in ns; `status` is what the caller got.

    `after_ns` is when it began, counted from the moment at which the fault was verified to be on. `delay_ns` is
    what the plane added to it, as far as somebody says so.
    """

    duration_ns: int
    status: int | None
    end_reason: str
    after_ns: int = 0
    delay_ns: int = 0

    def was_kept_waiting(self, timeout_ns: int | None) -> bool:
        """Tell whether its bytes were held up, and the caller's own time shows it."""
        if self.end_reason == "client_gone":
            return True  # it gave up waiting for the rest
        expected = self.delay_ns if timeout_ns is None else min(self.delay_ns, timeout_ns)
        return self.delay_ns > 0 and self.duration_ns >= 0.8 * expected

    @property
    def gave_up(self) -> bool:
        """The caller left before anything came: it waited too long for its patience, whatever the clocks say."""
        return self.status is None and self.end_reason == "client_gone"

    def waited(self, *at_most_ns: int | None) -> bool:
        """Tell whether it lasted about as long as the shortest of these; None is no limit."""
        return self.duration_ns >= 0.8 * min((ns for ns in at_most_ns if ns is not None), default=0)


class FaultBase(Frozen, ABC):
    """Fields of every fault. A kind that leaves something out fails when it is made, not when it is asked."""

    level: ClassVar[Level]
    needs: ClassVar[frozenset[Ability]]
    longest_transition: ClassVar[Duration] = Duration.parse("2s")
    """Longest time between asking for it and its verified effect, and between asking for its undo and its end."""

    kind: str
    id: Name = Field(description="name of the fault in the journal, the ledger and the report")
    phase: Name = Field(default="fault", description="phase in which it is on")
    schedule: Schedule = Field(default_factory=Schedule)
    min_evidence: int = Field(default=10, ge=1, description="hits below this leave the run INCONCLUSIVE")
    seed: int | None = Field(default=None, description="default: the scenario's seed")

    @model_validator(mode="after")
    def _flaps_on_edges_only(self) -> Self:
        if self.schedule.period is not None and not isinstance(self, EdgeFault):
            raise ValueError("`period` is for faults on edges; declare several faults, one after another")
        return self

    @property
    @abstractmethod
    def target(self) -> str:
        """What it is done to: an edge `caller:callee`, a service, a resource, or `load`."""

    @abstractmethod
    def touches(self, edge: str) -> bool:
        """Tell whether calls on an edge feel it."""

    @abstractmethod
    def describe(self) -> str:
        """Say what the fault does, in a few words that follow the target."""

    def abilities_needed(self) -> frozenset[Ability]:
        """Return what the fault plane has to be able to do for this fault as it is declared."""
        return self.needs


class EdgeFault(FaultBase, ABC):
    """A fault on one edge."""

    edge: EdgeName = Field(description="caller:callee", examples=["orders:payments"])

    @property
    def target(self) -> str:
        return self.edge

    def touches(self, edge: str) -> bool:
        return edge == self.edge

    def abilities_needed(self) -> frozenset[Ability]:
        return self.needs | ({Ability.PER_REQUEST} if self.schedule.period is not None else set())

    def _flapping_text(self) -> str:
        if self.schedule.period is None:
            return ""
        return f", on for {self.schedule.duty} of every {self.schedule.period}"


class PacketFault(EdgeFault, ABC):
    """A fault on the packets of an edge. It knows no requests: which packet has which number is chance."""

    level: ClassVar[Level] = "packet"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.PACKETS})
    befalls: ClassVar[str]
    """What happens to the packets that are hit, as it follows their number: `were lost`."""

    @property
    @abstractmethod
    def part_hit(self) -> float:
        """Part of the packets that is hit."""

    @abstractmethod
    def waits_ns(self, draw: Draw) -> int | None:
        """Say for how long a packet has to wait, in ns. None: it is dropped."""

    def is_hit(self, waits_ns: int | None, *, others_wait: bool) -> bool:
        """Tell whether a packet that has to wait for so long is one that is hit: dropped, or in front of others."""
        return waits_ns is None or (waits_ns == 0 and others_wait)


class RequestFault(EdgeFault, ABC):
    """A fault that is decided for each request, or for each connection where there are no requests."""

    level: ClassVar[Level] = "request"

    share: Ratio = Field(default=Ratio(1.0), description="part of the eligible requests that is hit")
    connection_share: Ratio = Field(
        default=Ratio(1.0),
        description="part of the connections that is hit, with all their requests; instead of `share`",
    )
    match: Match = Field(default_factory=Match, description="which requests are eligible")

    @model_validator(mode="after")
    def _one_share_above_zero(self) -> Self:
        for name, share in (("share", self.share), ("connection_share", self.connection_share)):
            if float(share) == 0.0:
                raise ValueError(f"{name} is 0 %, so the fault would hit nothing; remove the fault, or use --no-faults")
        if self.share < 1 and self.connection_share < 1:
            raise ValueError("`share` is of requests and `connection_share` of connections; declare one of them")
        if self.is_per_connection and self.counts_by is not None:
            raise ValueError(f"{self.kind} counts requests, and goes with `share`, not with `connection_share`")
        return self

    @property
    def is_per_connection(self) -> bool:
        """It is decided once for each connection, and its ordinals are those of connections."""
        return float(self.connection_share) < 1

    @property
    def part_hit(self) -> float:
        """Part of the eligible requests that is hit, as far as that can be told before."""
        return float(self.connection_share if self.is_per_connection else self.share)

    def abilities_needed(self) -> frozenset[Ability]:
        partial: set[Ability] = {Ability.PER_REQUEST, Ability.SEEDED} if self.share < 1 else set()
        if self.is_per_connection:
            partial = {Ability.SEEDED}
        selective = {Ability.HTTP} if self.match != Match() else set()
        return super().abilities_needed() | partial | selective

    def hits(self, seed: int, ordinal: int, nth: int) -> bool:  # noqa: ARG002 - for kinds that count by key
        """Tell whether an eligible request is hit: by default by the seeded draw of its ordinal alone.

        `ordinal` counts the eligible requests of this fault from 0 (with a `connection_share` the connections on
        which there were any), `nth` those of the request's own key.
        """
        return is_hit(seed, self.id, ordinal, self.share if self.connection_share >= 1 else self.connection_share)

    @property
    def counts_by(self) -> Key | None:
        """How requests are counted apart (`nth` of `hits`); None: only their ordinal matters."""
        return None

    @abstractmethod
    def action(self, draw: Draw) -> Action:
        """Say what happens to a request that is hit. `draw` gives the seeded random numbers of its ordinal."""

    @abstractmethod
    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        """Tell whether the caller felt the fault. `timeout_ns` is the caller's per-attempt timeout, if known."""

    def _share_text(self) -> str:
        share = "" if float(self.share) == 1.0 else f" ({self.share} of requests)"
        if self.is_per_connection:
            share = f" ({self.connection_share} of connections)"
        return share + self._flapping_text()


class CalleeFault(FaultBase, ABC):
    """A fault on callees themselves, not on the way to them: it picks no request of an edge, all may feel it."""

    hangs: ClassVar[bool] = False
    """Whether what is asked of the services meanwhile is held up until it ends."""

    @property
    @abstractmethod
    def callees(self) -> list[Name]:
        """The services whose callers may feel it."""

    def touches(self, edge: str) -> bool:
        return edge.partition(":")[2] in self.callees

    def disturbs_ns(self, lasts_ns: int) -> int:
        """Return for how much of its time callers can be counted on to feel it."""
        return lasts_ns


class ServiceFault(CalleeFault, ABC):
    """A fault on the process of one service. Every edge to the service feels it."""

    level: ClassVar[Level] = "process"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.PROCESS})
    longest_transition: ClassVar[Duration] = Duration.parse("10s")  # a service has to end, to start and to be ready
    service: Name = Field(description="the service it is done to", examples=["payments"])

    @property
    def target(self) -> str:
        return self.service

    @property
    def callees(self) -> list[Name]:
        return [self.service]

    @abstractmethod
    def action(self) -> ProcessAction:
        """Say what is done to the process."""


class LoadFault(FaultBase, ABC):
    """A fault that is made of users: the load is the disturbance. Nothing has to be undone."""

    level: ClassVar[Level] = "load"
    needs: ClassVar[frozenset[Ability]] = frozenset()

    @property
    def target(self) -> str:
        return "load"

    def touches(self, edge: str) -> bool:  # noqa: ARG002 - none is broken
        return False
