"""F6 slow_drip: the answer's body comes a few bytes at a time, each soon enough for one who waits for the next."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workbench.model.faults.actions import Pace
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class SlowDrip(RequestFault):
    """Let the body of an answer drip; its status and headers come at once.

    A timeout of each read does not catch it, only one of the whole call. Where there are no requests, all that the
    callee sends drips.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["slow_drip"] = "slow_drip"
    chunk: int = Field(default=1, ge=1, le=1 << 30, description="bytes that come at once")
    every: Duration = Field(description="time from one chunk to the next", examples=["100ms"])

    @model_validator(mode="after")
    def _drips(self) -> SlowDrip:
        if self.every == 0:
            raise ValueError("every is 0, so the fault would do nothing")
        return self

    def action(self, draw: Draw) -> Pace:  # noqa: ARG002 - nothing random in it
        chunk, gap = self.chunk, int(self.every)
        return Pace("response", lambda _: chunk, lambda _: gap, body_only=True)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        return attempt.was_kept_waiting(timeout_ns)

    def describe(self) -> str:
        size = "1 byte" if self.chunk == 1 else f"{self.chunk} bytes"
        return f"answers {size} every {self.every}{self._share_text()}"
