"""F5 reset: connections end by RST, new ones and those that callers keep in their pools."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.actions import Close
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw


class Reset(RequestFault):
    """Answer a request by resetting its connection; the callee is not called.

    Where there are no requests, connections are reset as soon as they are accepted, and open ones when the fault
    comes on.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK, Ability.RESET})

    kind: Literal["reset"] = "reset"

    def action(self, draw: Draw) -> Close:  # noqa: ARG002 - nothing random in it
        return Close(reset=True)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - the end decides
        return attempt.status is None and attempt.end_reason == "cut"

    def describe(self) -> str:
        return f"resets connections{self._share_text()}"
