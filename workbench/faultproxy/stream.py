"""What a connection expects of whoever reads its bytes. One reader for HTTP, one for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from workbench.faultproxy.attempt import Attempt, EndReason

if TYPE_CHECKING:
    from workbench.faultproxy.active_fault import Influence, RequestInfluence


class Stream(Protocol):
    """What the bytes of one connection mean, and which attempts they are."""

    @property
    def finishing(self) -> bool:
        """The callee is to be left with what it does, though the caller leaves."""

    def request_bytes(self, data: bytes) -> None:
        """The caller has sent these."""

    def answer_bytes(self, data: bytes) -> None:
        """The callee has sent these."""

    def caller_done(self, now: int) -> bool:
        """The caller sends no more. Return whether nobody waits for anything any more."""

    def callee_done(self, now: int) -> None:
        """The callee sends no more; pass that on behind what is still on its way."""

    def meet(self, fault: RequestInfluence, now: int) -> None:
        """A fault was added while the connection is open."""

    def lift(self, influence: Influence) -> None:
        """An influence was taken off; what it wanted for later is void."""

    def open_attempts(self) -> Iterable[Attempt]:
        """Return the attempts that have not ended."""

    def end(self, reason: EndReason | None, now: int) -> None:
        """The connection has ended; None means orderly."""

    def forget(self) -> None:
        """Nobody asks any more: let go of what leads back here."""
