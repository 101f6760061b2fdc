"""The fault planes that can serve a system's edges, and what each of them lacks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from workbench.model.faults.base import Ability


class PlaneName(StrEnum):
    """Which fault plane serves the edges of a stack."""

    BUILTIN = "builtin"
    TOXIPROXY = "toxiproxy"

    @property
    def records_attempts(self) -> bool:
        """Tell whether it keeps a row of every attempt; where it does not, attempts are those of callers' spans."""
        return self is PlaneName.BUILTIN

    @property
    def ends_faults(self) -> bool:
        """Tell whether a fault ends there by itself once its lease is over."""
        return self is PlaneName.BUILTIN

    @property
    def abilities(self) -> frozenset[Ability]:
        """What a stack whose edges it serves is able to do."""
        return frozenset(Ability) - _LACKS[self]


_LACKS: Mapping[PlaneName, frozenset[Ability]] = {
    PlaneName.BUILTIN: frozenset(),
    PlaneName.TOXIPROXY: frozenset({Ability.HTTP, Ability.PER_REQUEST, Ability.SEEDED, Ability.RESET, Ability.PACKETS}),
}
