"""One attempt as it passes: a request on an HTTP edge, a whole connection where there are no requests.

Times are absolute, from the monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.faultproxy.deciding import Decided
from workbench.faultproxy.heads import RequestHead
from workbench.model.faults.actions import Lose

if TYPE_CHECKING:
    from workbench.faultproxy.recording import Recording

EndReason = Literal["complete", "altered", "client_gone", "upstream_gone", "upstream_refused", "cut", "open"]
"""`altered`: complete, with another body than the callee's."""


class Attempt:
    """What is known so far. `head` is missing where the bytes are not HTTP; `ordinal` is -1 for a canary."""

    __slots__ = (
        "_recording",
        "accepted",
        "awaits_callee",
        "bytes_in",
        "bytes_out",
        "decided",
        "delay_ns",
        "due",
        "edge",
        "ended",
        "first_byte",
        "head",
        "held_since",
        "ordinal",
        "plain",
        "reason",
        "status",
        "whole",
    )

    def __init__(
        self, edge: str, ordinal: int, head: RequestHead | None, accepted: int, recording: Recording | None
    ) -> None:
        self.edge = edge
        self.ordinal = ordinal
        self.head = head
        self.accepted = accepted
        self._recording = recording
        self.decided: Decided | None = None
        self.plain = True
        """No fault and no upgrade: it only passes."""
        self.awaits_callee = True
        """Its answer is to be read from what the callee sends."""
        self.due = False
        """An answer that is given here may be given as soon as it is its turn."""
        self.whole = False
        """Its request is here to the last byte. Kept only where it is not plain."""
        self.reason: EndReason | None = None
        """How it ended; None while it is open."""
        self.ended = 0
        self.first_byte: int | None = None
        self.status: int | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.delay_ns = 0
        self.held_since = 0

    @property
    def is_answered_here(self) -> bool:
        """The callee does not hear of it."""
        return self.decided is not None and self.decided.answers_here

    @property
    def is_lost(self) -> bool:
        """The callee hears of it, and its answer does not arrive."""
        return self.decided is not None and isinstance(self.decided.ending, Lose)

    @property
    def is_over(self) -> bool:
        """It has ended, and not only the recording that it began in."""
        return self.reason is not None and self.reason != "open"

    def meet(self, decided: Decided) -> None:
        """Take what the faults have decided; those that hit it follow it from now on."""
        self.decided = decided
        for fault in decided.hit_by:
            fault.effect.begin(self)

    def sent(self, size: int, now: int) -> None:
        """Note that bytes of the answer went out to the caller."""
        if self.first_byte is None:
            self.first_byte = now
        self.bytes_out += size

    def finish(self, size: int, now: int) -> None:
        """Note that the last bytes of an answer went out that no fault is about: `sent` and `end` in one."""
        if self.first_byte is None:
            self.first_byte = now
        self.bytes_out += size
        if self.reason is not None or self.held_since:
            self.end("complete", now)
            return
        self.reason = "complete"
        self.ended = now
        if self._recording is not None:
            self._recording.keep(self)
            self._recording = None

    def held(self, since: int) -> None:
        """Note that a fault holds bytes back from now on."""
        self.held_since = since

    def released(self, now: int) -> None:
        """Note that the bytes that were held go on."""
        if self.held_since:
            self.delay_ns += now - self.held_since
            self.held_since = 0

    def end(self, reason: EndReason, now: int) -> None:
        """Give itself to the recording it began in, unless that has happened.

        `open` is the end of the recording only: the attempt goes on, and its real end is no longer recorded.
        """
        decided = self.decided
        if decided is not None and decided.faults and reason != "open":
            self._free(decided, now)
        if self.is_over:
            return
        self.reason = reason
        self.ended = now
        if self.held_since:
            self.released(now)
        if self._recording is not None:
            self._recording.keep(self)
            self._recording = None

    def delay_until(self, now: int) -> int:
        """Return the delay that was added so far, in ns."""
        return self.delay_ns + (now - self.held_since if self.held_since else 0)

    def _free(self, decided: Decided, now: int) -> None:
        """Give back what it held of the faults that hit it."""
        if self.held_since:
            self.released(now)
        for fault in decided.hit_by:
            fault.effect.end(self)
        if decided.places:
            decided.give_places_back()
