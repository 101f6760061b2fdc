"""F7 truncate: the answer ends in the middle of its body, whatever length was announced."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.actions import Truncate as TruncateAction
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw


class Truncate(RequestFault):
    """Cut the answer's body short; its status and headers pass.

    Where there are no requests, `after` counts all bytes to the caller of one connection.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["truncate"] = "truncate"
    after: int = Field(
        default=16,
        ge=0,
        le=1 << 40,
        description="bytes of the body that pass at most; its last ones never do. An answer without a body passes",
    )

    def action(self, draw: Draw) -> TruncateAction:  # noqa: ARG002 - nothing random in it
        return TruncateAction(after_bytes=self.after)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - the end decides
        return attempt.end_reason == "cut"

    def describe(self) -> str:
        return f"cuts answers after {self.after} bytes{self._share_text()}"
