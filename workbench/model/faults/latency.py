"""F1 latency: delay before the first byte, on the response side by default (the callee has already acted)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workbench.model.faults.actions import Delay, Side
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.distributions import DEVIATES, LOWEST
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class Latency(RequestFault):
    """Delay before the first byte of the answer."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["latency"] = "latency"
    delay: Duration = Field(description="mean delay")
    jitter: Duration = Field(default=Duration(0), description="how far delays are spread around the mean")
    distribution: Literal["uniform", "normal", "pareto"] = Field(
        default="uniform",
        description="`uniform`: up to `jitter` less or more; `normal`: `jitter` is the standard deviation; `pareto`: a"
        " heavy tail as netem has it. The last two are cut at 0 and at `delay` + 4 `jitter`",
    )
    side: Side = Field(
        default="response",
        description="`response`: the callee acts at once and its answer is held; `request`: the callee hears late",
    )
    ramp: Duration | None = Field(
        default=None, description="delays grow evenly from 0 to full in this time after the fault came on"
    )

    @model_validator(mode="after")
    def _jitter_within_delay(self) -> Latency:
        if self.delay == 0:
            raise ValueError("delay is 0, so the fault would do nothing")
        if self.jitter > self.delay:
            raise ValueError(f"jitter {self.jitter} is larger than delay {self.delay}; a delay cannot be negative")
        if self.distribution != "uniform" and self.jitter == 0:
            raise ValueError(f"distribution {self.distribution} needs a jitter: without one every delay is the same")
        return self

    def abilities_needed(self) -> frozenset[Ability]:
        by_request = self.distribution != "uniform" or self.ramp is not None
        return super().abilities_needed() | ({Ability.PER_REQUEST, Ability.SEEDED} if by_request else frozenset())

    def action(self, draw: Draw) -> Delay:
        spread = DEVIATES[self.distribution](draw) * self.jitter if self.jitter else 0.0
        ns = min(max(self.delay + spread, 0.0), float(self.delay + 4 * self.jitter))
        return Delay(ns=round(ns * self._grown(draw.after_ns)), side=self.side)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        if attempt.status is None and attempt.end_reason == "client_gone":
            return True  # it gave up waiting, however long that was by the plane's clock
        grown = self._grown(attempt.after_ns)
        if attempt.delay_ns:
            # What this one was delayed, and that has to be what such a delay can be.
            shortest = max(0.0, self.delay + LOWEST[self.distribution] * self.jitter)
            expected = max(shortest * grown, attempt.delay_ns)
        else:
            expected = self.delay * grown
        return attempt.duration_ns >= 0.8 * (expected if timeout_ns is None else min(expected, timeout_ns))

    def _grown(self, after_ns: int) -> float:
        """Return the part of its full size that a delay has, so long after the fault came on."""
        return 1.0 if not self.ramp or after_ns >= self.ramp else max(after_ns, 0) / self.ramp

    def describe(self) -> str:
        jitter = f" ± {self.jitter}" if self.jitter else ""
        shape = f" ({self.distribution})" if self.distribution != "uniform" else ""
        growing = f", growing over {self.ramp}," if self.ramp else ""
        what = "answers" if self.side == "response" else "hears"
        return f"{what} {self.delay}{jitter}{shape} late{growing}{self._share_text()}".rstrip(",")
