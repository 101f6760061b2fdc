"""F2 blackhole: bytes are accepted and nothing comes back until the fault is removed."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.actions import Swallow
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw


class Blackhole(RequestFault):
    """Requests vanish: accepted, never forwarded, never answered."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["blackhole"] = "blackhole"

    def action(self, draw: Draw) -> Swallow:  # noqa: ARG002 - nothing random in it
        return Swallow()

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        waited = timeout_ns is None or attempt.duration_ns >= 0.8 * timeout_ns
        return attempt.status is None and waited

    def describe(self) -> str:
        return f"takes requests and never answers{self._share_text()}"
