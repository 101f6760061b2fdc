"""F8 http_status: an error status is answered in the callee's place; the callee is not called."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.actions import Answer
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.error_answer import error_answer
from workbench.model.faults.seeded import Draw
from workbench.model.units import Duration


class HttpStatus(RequestFault):
    """Answer with an HTTP error without calling the callee."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST})

    kind: Literal["http_status"] = "http_status"
    status: int = Field(ge=400, le=599, description="status to answer", examples=[503])
    retry_after: Duration | None = Field(default=None, description="sent as Retry-After, in whole seconds, rounded up")

    def action(self, draw: Draw) -> Answer:  # noqa: ARG002 - nothing random in it
        return error_answer(self.status, self.id, self.retry_after)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - status decides
        return attempt.status == self.status

    def describe(self) -> str:
        return f"answers {self.status}{self._share_text()}"
