"""F6 slicer: bytes come in many small packets of different sizes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workbench.model.faults.actions import Pace, Side
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class Slicer(RequestFault):
    """Cut bytes into packets of `average` plus or minus up to `variation` bytes, `delay` apart."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["slicer"] = "slicer"
    average: int = Field(ge=1, le=1 << 30, description="bytes of a packet", examples=[64])
    variation: int = Field(default=0, ge=0, description="bytes, uniform, up to this many less or more")
    delay: Duration = Field(gt=0, description="time from one packet to the next", examples=["5ms"])
    side: Side = Field(default="response", description="`response`: the callee's answer; `request`: what it is asked")

    @model_validator(mode="after")
    def _slices_have_bytes(self) -> Slicer:
        if self.variation >= self.average:
            raise ValueError(f"variation {self.variation} has to be below average {self.average}")
        return self

    def action(self, draw: Draw) -> Pace:
        smallest, sizes, gap = self.average - self.variation, 2 * self.variation + 1, int(self.delay)

        def size(number: int) -> int:
            return smallest + (int(draw.uniform(f"slice {number}") * sizes) if sizes > 1 else 0)

        return Pace(self.side, size, lambda _: gap)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        return attempt.was_kept_waiting(timeout_ns)

    def describe(self) -> str:
        spread = f" ± {self.variation}" if self.variation else ""
        what = "answers" if self.side == "response" else "is asked"
        return f"{what} in packets of {self.average}{spread} bytes, {self.delay} apart{self._share_text()}"
