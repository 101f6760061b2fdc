"""F9 response_lost: the callee acts and commits, and its answer does not arrive. Finds what is done twice."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.actions import Close, Delay, Lose, Swallow
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.error_answer import error_answer
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration

_WORDS = {
    "dropped": "acts, and its answer never arrives",
    "closed": "acts, and the connection ends in place of its answer",
    "late": "acts, and answers {delay} late",
    "replaced": "acts, and the caller gets {status} in place of its answer",
}


class ResponseLost(RequestFault):
    """Forward the request, let the callee finish it, and lose the answer. The caller may leave meanwhile."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST})

    kind: Literal["response_lost"] = "response_lost"
    answer: Literal["dropped", "closed", "late", "replaced"] = Field(
        default="dropped",
        description="what the caller gets: `dropped`: nothing, until the fault is removed; `closed`: the end of the"
        " connection; `late`: the answer, `delay` late; `replaced`: `status`",
    )
    delay: Duration | None = Field(default=None, description="of a `late` answer; best above the caller's timeout")
    status: int | None = Field(
        default=None, ge=400, le=599, description="in place of a `replaced` answer; 502 if nothing else is said"
    )

    @model_validator(mode="after")
    def _fields_of_the_answer(self) -> Self:
        if (self.answer == "late") != (self.delay is not None):
            raise ValueError("`delay` says how late an answer is, and goes together with `answer: late`")
        if self.delay == 0:
            raise ValueError("delay is 0, so the fault would do nothing")
        if self.answer != "replaced" and self.status is not None:
            raise ValueError("`status` takes the place of an answer, and goes together with `answer: replaced`")
        return self

    @property
    def _status(self) -> int:
        return 502 if self.status is None else self.status

    def action(self, draw: Draw) -> Delay | Lose:  # noqa: ARG002 - nothing random in it
        match self.answer:
            case "dropped":
                return Lose(Swallow())
            case "closed":
                return Lose(Close(reset=False))
            case "replaced":
                return Lose(error_answer(self._status, self.id))
            case "late":
                assert self.delay is not None
                return Delay(ns=self.delay, side="response")

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:
        match self.answer:
            case "dropped":
                return attempt.status is None and attempt.waited(timeout_ns)
            case "closed":
                return attempt.status is None and attempt.end_reason == "cut"
            case "replaced":
                return attempt.status == self._status
            case "late":
                return attempt.gave_up or attempt.waited(self.delay, timeout_ns)

    def describe(self) -> str:
        return _WORDS[self.answer].format(delay=self.delay, status=self._status) + self._share_text()
