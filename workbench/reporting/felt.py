"""What users felt: for each journey and phase how it ended and how long it took from the intended start.

Counts what the SLIs count: journeys in flight at a verified transition are left out, and told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.model.history import History
from workbench.model.scenario import Role

_FELT = """
SELECT journey, phase,
       count(*) FILTER (NOT crossing AND outcome = 'ok'),
       count(*) FILTER (NOT crossing AND outcome = 'degraded'),
       count(*) FILTER (NOT crossing AND outcome = 'failed'),
       count(*) FILTER (NOT crossing AND outcome NOT IN ('ok', 'degraded', 'failed')),
       count(*) FILTER (crossing),
       quantile_disc(response_ns, [0.5, 0.95]) FILTER (NOT crossing)
FROM journeys
WHERE phase IS NOT NULL AND role <> 'warmup'
GROUP BY journey, phase
"""


@dataclass(frozen=True, slots=True)
class Felt:
    """One journey in one phase. Times are None where nothing was measured."""

    phase: str
    role: Role
    ok: int
    degraded: int
    failed: int
    indeterminate: int
    crossing: int
    p50_ns: int | None
    p95_ns: int | None

    @property
    def total(self) -> int:
        return self.ok + self.degraded + self.failed + self.indeterminate

    @property
    def availability(self) -> float | None:
        """Share of journeys that got a valid answer, degraded ones included."""
        return (self.ok + self.degraded) / self.total if self.total else None

    @property
    def degraded_share(self) -> float | None:
        return self.degraded / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class JourneyFelt:
    """One journey over all phases but warmup."""

    journey: str
    description: str
    phases: tuple[Felt, ...]

    @property
    def crossing(self) -> int:
        return sum(felt.crossing for felt in self.phases)


def what_users_felt(history: History) -> list[JourneyFelt]:
    """Return every journey of the mix; a phase without journeys is there with nothing in it."""
    seen = {(journey, phase): counts for journey, phase, *counts in history.rows(_FELT)}
    phases = [phase for phase in history.run.scenario.phases if phase.role != "warmup"]
    journeys = history.run.system.journeys
    return [
        JourneyFelt(
            journey=name,
            description=journeys[name].description if name in journeys else "",
            phases=tuple(_felt(phase.name, phase.role, seen.get((name, phase.name))) for phase in phases),
        )
        for name in history.run.scenario.load.mix
    ]


def _felt(phase: str, role: Role, counts: list[Any] | None) -> Felt:
    if counts is None:
        return Felt(phase, role, 0, 0, 0, 0, 0, None, None)
    ok, degraded, failed, indeterminate, crossing, quantiles = counts
    p50, p95 = (None, None) if quantiles is None else quantiles
    return Felt(phase, role, ok, degraded, failed, indeterminate, crossing, p50, p95)
