"""F11 fail_first: the first requests of each key fail. Makes retries visible: with enough of them, nobody notices."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.actions import Answer
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.eligibility import Key
from workbench.model.faults.error_answer import error_answer
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class FailFirst(RequestFault):
    """Answer the first `count` requests of each key with an HTTP error, without calling the callee."""

    needs: ClassVar[frozenset[Ability]] = frozenset(
        {Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST, Ability.SEEDED}
    )

    kind: Literal["fail_first"] = "fail_first"
    count: int = Field(ge=1, description="so many requests of each key fail, then its requests pass", examples=[2])
    per: Key = Field(default_factory=Key, description="what is counted apart")
    status: int = Field(default=503, ge=400, le=599, description="status to answer")
    retry_after: Duration | None = Field(default=None, description="sent as Retry-After, in whole seconds, rounded up")

    @model_validator(mode="after")
    def _can_give_its_evidence(self) -> Self:
        if self.per.by == "edge" and self.count < self.min_evidence:
            raise ValueError(
                f"counted by edge it fails {self.count} requests in all, below its min_evidence of {self.min_evidence};"
                f" set `min_evidence: {self.count}`, or count apart, as with `per: {{by: trace}}`"
            )
        return self

    @property
    def counts_by(self) -> Key:
        return self.per

    def hits(self, seed: int, ordinal: int, nth: int) -> bool:
        return nth < self.count and super().hits(seed, ordinal, nth)

    def action(self, draw: Draw) -> Answer:  # noqa: ARG002 - nothing random in it
        return error_answer(self.status, self.id, self.retry_after)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - status decides
        return attempt.status == self.status

    def describe(self) -> str:
        which = "first request" if self.count == 1 else f"first {self.count} requests"
        return f"answers the {which} of each {self.per.words} with {self.status}{self._share_text()}"
