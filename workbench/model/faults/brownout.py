"""F13 brownout: the callee works, on fewer requests at a time, more slowly, and turns the others away."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.actions import Admit
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.error_answer import error_answer
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class Brownout(RequestFault):
    """Admit so many requests at a time, let so many wait, and refuse the others.

    A request that is admitted while n are with the callee, itself counted, is held for n times `service_time`
    before it is forwarded: the busier, the slower.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST})

    kind: Literal["brownout"] = "brownout"
    concurrent: int = Field(ge=1, description="requests that are with the callee at a time", examples=[4])
    queue: int = Field(default=0, ge=0, description="requests that wait for a place; all others are refused")
    service_time: Duration = Field(
        description="added before a request is forwarded, times the requests that are with the callee",
        examples=["20ms"],
    )
    status: int = Field(default=503, ge=400, le=599, description="status of a refusal")
    retry_after: Duration | None = Field(default=None, description="sent as Retry-After, in whole seconds, rounded up")

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.service_time == 0:
            raise ValueError("service_time is 0, so nobody who is admitted would feel the fault")
        return self

    def action(self, draw: Draw) -> Admit:  # noqa: ARG002 - nothing random in it
        return Admit(
            concurrent=self.concurrent,
            queue=self.queue,
            service_ns=self.service_time,
            refusal=error_answer(self.status, self.id, self.retry_after),
        )

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        refused = attempt.status == self.status
        return refused or attempt.gave_up or attempt.waited(self.service_time, timeout_ns)

    def describe(self) -> str:
        waiting = f", lets {self.queue} wait" if self.queue else ""
        return (
            f"takes {self.concurrent} requests at a time, {self.service_time} longer for each{waiting},"
            f" and refuses others with {self.status}{self._share_text()}"
        )
