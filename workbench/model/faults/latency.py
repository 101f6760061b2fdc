"""F1 latency: delay before the first byte, on the response side by default (the callee has already acted)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workbench.model.faults.actions import Delay
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class Latency(RequestFault):
    """Delay before the first byte of the answer."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["latency"] = "latency"
    delay: Duration = Field(description="mean delay")
    jitter: Duration = Field(default=Duration(0), description="uniform, up to this much less or more")
    side: Literal["request", "response"] = Field(
        default="response",
        description="`response`: the callee acts at once and its answer is held; `request`: the callee hears late",
    )

    @model_validator(mode="after")
    def _jitter_within_delay(self) -> Latency:
        if self.delay == 0:
            raise ValueError("delay is 0, so the fault would do nothing")
        if self.jitter > self.delay:
            raise ValueError(f"jitter {self.jitter} is larger than delay {self.delay}; a delay cannot be negative")
        return self

    def action(self, draw: Draw) -> Delay:
        spread = (2 * draw.uniform("jitter") - 1) * self.jitter
        return Delay(ns=round(self.delay + spread), side=self.side)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        if attempt.status is None and attempt.end_reason == "client_gone":
            return True  # it gave up waiting, however long that was by the plane's clock
        expected = self.delay if timeout_ns is None else min(self.delay, timeout_ns)
        return attempt.duration_ns >= 0.8 * expected

    def describe(self) -> str:
        jitter = f" ± {self.jitter}" if self.jitter else ""
        what = "answers" if self.side == "response" else "hears"
        return f"{what} {self.delay}{jitter} late{self._share_text()}"
