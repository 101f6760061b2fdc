"""F6 bandwidth: so many bytes per second, for each request or, where there are none, each connection."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.actions import Pace, Side
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import NS_PER_S, ByteRate

_PARTS_PER_S = 100

_LARGEST_PART = 32 * 1024
"""Small enough that a plane which may keep 256 KiB has the next parts at hand when they are due."""


class Bandwidth(RequestFault):
    """Let bytes pass at a limited rate, head and body alike: what 10 ms allow at once, and then a gap."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["bandwidth"] = "bandwidth"
    rate: ByteRate = Field(description="bytes per second; of each connection where there are no requests")
    side: Side = Field(default="response", description="`response`: the callee's answer; `request`: what it is asked")

    def action(self, draw: Draw) -> Pace:  # noqa: ARG002 - nothing random in it
        part, rate = min(max(1, self.rate // _PARTS_PER_S), _LARGEST_PART), int(self.rate)

        def gap(number: int) -> int:
            # Counted from the beginning, so that what rounding takes from one gap is in the next.
            return (number + 1) * part * NS_PER_S // rate - number * part * NS_PER_S // rate

        return Pace(self.side, lambda _: part, gap)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        return attempt.was_kept_waiting(timeout_ns)

    def describe(self) -> str:
        what = "answers" if self.side == "response" else "is asked"
        return f"{what} at {self.rate}{self._share_text()}"
