"""F11 every_nth: every Nth request of each key fails, as regularly as a clock: one retry is enough to hide it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.actions import Answer
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.eligibility import Key
from workbench.model.faults.error_answer import error_answer
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class EveryNth(RequestFault):
    """Answer request N, 2N, 3N ... of each key with an HTTP error, without calling the callee."""

    needs: ClassVar[frozenset[Ability]] = frozenset(
        {Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST, Ability.SEEDED}
    )

    kind: Literal["every_nth"] = "every_nth"
    n: int = Field(ge=2, description="one request in so many fails, the last of them", examples=[5])
    per: Key = Field(default_factory=Key, description="what is counted apart")
    status: int = Field(default=503, ge=400, le=599, description="status to answer")
    retry_after: Duration | None = Field(default=None, description="sent as Retry-After, in whole seconds, rounded up")

    @property
    def counts_by(self) -> Key:
        return self.per

    @property
    def part_hit(self) -> float:
        return super().part_hit / self.n

    def hits(self, seed: int, ordinal: int, nth: int) -> bool:
        return (nth + 1) % self.n == 0 and super().hits(seed, ordinal, nth)

    def action(self, draw: Draw) -> Answer:  # noqa: ARG002 - nothing random in it
        return error_answer(self.status, self.id, self.retry_after)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - status decides
        return attempt.status == self.status

    def describe(self) -> str:
        return f"answers every request number {self.n} of each {self.per.words} with {self.status}{self._share_text()}"
