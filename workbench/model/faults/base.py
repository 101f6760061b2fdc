"""What every fault has in common, and the small vocabulary in which a kind tells the plane what to do.

A kind is one file: its fields, what it does to one request, and how an attempt that was hit looks to the
caller. It does no I/O; the plane carries out the `Action`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workbench.model.base import Frozen
from workbench.model.faults.seeded import Draw
from workbench.model.names import EdgeName, Name
from workbench.model.units import Duration, Ratio


class Ability(StrEnum):
    """What a runtime or a fault plane may or may not be able to do; asked for while planning."""

    NETWORK = "network"  # delay, swallow or refuse connections
    HTTP = "http"  # understand requests: answer, match
    PER_REQUEST = "per_request"  # decide for each request, not for each connection
    SEEDED = "seeded"  # the same seed hits the same ordinals


@dataclass(frozen=True, slots=True)
class Delay:
    """Hold the request (before it is forwarded) or the response (before its first byte) for `ns`."""

    ns: int
    side: Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the callee's place; the callee is not called."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Swallow:
    """Take the bytes and give nothing back; the connection is closed when the fault is removed."""


Action = Delay | Answer | Swallow


class Match(Frozen):
    """Which requests are eligible. Every given field has to fit; no field means all requests."""

    method: str | None = Field(default=None, description="HTTP method, upper case", examples=["POST"])
    path: str | None = Field(default=None, description="glob on the path without query", examples=["/v1/orders*"])
    header: dict[str, str] = Field(
        default_factory=dict, description="header name to glob on its value; names ignore case"
    )

    def fits(self, method: str, path: str, headers: dict[str, str]) -> bool:
        """Tell whether a request is eligible. `path` has no query; header names are lower case."""
        if self.method is not None and self.method.upper() != method:
            return False
        if self.path is not None and not fnmatchcase(path, self.path):
            return False
        return all(
            name.lower() in headers and fnmatchcase(headers[name.lower()], glob) for name, glob in self.header.items()
        )

    @property
    def needs_headers(self) -> bool:
        return bool(self.header)


class Schedule(Frozen):
    """When the fault is on, counted from the verified start of its phase."""

    start: Duration = Field(default=Duration(0), description="how long after the start of the phase")
    duration: Duration | None = Field(default=None, description="how long it stays; default: to the end of the phase")


@dataclass(frozen=True, slots=True)
class HitAttempt:
    """One attempt that a fault hit, as the fault plane saw it. Times in ns; `status` is what the caller got."""

    duration_ns: int
    status: int | None
    end_reason: str


class FaultBase(Frozen):
    """Fields of every fault."""

    level: ClassVar[Literal["request", "listener"]]
    needs: ClassVar[frozenset[Ability]]

    kind: str
    id: Name = Field(description="name of the fault in the journal, the ledger and the report")
    phase: Name = Field(default="fault", description="phase in which it is on")
    schedule: Schedule = Field(default_factory=Schedule)
    min_evidence: int = Field(default=10, ge=1, description="hits below this leave the run INCONCLUSIVE")
    seed: int | None = Field(default=None, description="default: the scenario's seed")

    def abilities_needed(self) -> frozenset[Ability]:
        """Return what the fault plane has to be able to do for this fault as it is declared."""
        return self.needs


class EdgeFault(FaultBase, ABC):
    """A fault on one edge. A kind that leaves something out fails when it is made, not when it is asked."""

    edge: EdgeName = Field(description="caller:callee", examples=["orders:payments"])

    @abstractmethod
    def describe(self) -> str:
        """Say what the fault does, in a few words that follow "orders:payments"."""


class RequestFault(EdgeFault):
    """A fault that is decided for each request: hit iff the seeded draw of its ordinal is below `share`."""

    level: ClassVar[Literal["request", "listener"]] = "request"

    share: Ratio = Field(default=Ratio(1.0), description="part of the eligible requests that is hit")
    match: Match = Field(default_factory=Match, description="which requests are eligible")

    @model_validator(mode="after")
    def _share_above_zero(self) -> RequestFault:
        if float(self.share) == 0.0:
            raise ValueError("share is 0 %, so the fault would hit nothing; remove the fault, or use --no-faults")
        return self

    def abilities_needed(self) -> frozenset[Ability]:
        partial = {Ability.PER_REQUEST, Ability.SEEDED} if self.share < 1 else set()
        selective = {Ability.HTTP} if self.match != Match() else set()
        return self.needs | partial | selective

    @abstractmethod
    def action(self, draw: Draw) -> Action:
        """Say what happens to a request that is hit. `draw` gives the seeded random numbers of its ordinal."""

    @abstractmethod
    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        """Tell whether the caller felt the fault. `timeout_ns` is the caller's per-attempt timeout, if known."""

    def _share_text(self) -> str:
        return "" if float(self.share) == 1.0 else f" ({self.share} of requests)"
