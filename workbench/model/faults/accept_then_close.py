"""F4 accept_then_close: connections are accepted and closed without an answer, as by a proxy whose callee is dead."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.actions import Close
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw


class AcceptThenClose(RequestFault):
    """Close the connection in place of an answer: callers see a read error, not a connect error.

    Where there are no requests, connections are closed as soon as they are accepted, and open ones when the fault
    comes on.
    """

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["accept_then_close"] = "accept_then_close"

    def action(self, draw: Draw) -> Close:  # noqa: ARG002 - nothing random in it
        return Close(reset=False)

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - the end decides
        return attempt.status is None and attempt.end_reason == "cut"

    def describe(self) -> str:
        return f"accepts connections and closes them without an answer{self._share_text()}"
