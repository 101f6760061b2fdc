"""One attempt as it passes: a request on an HTTP edge, a whole connection where there are no requests.

An attempt becomes a row once, when it ends. Times are absolute, from the monotonic clock.
"""

from __future__ import annotations

from typing import Literal

from workbench.faultproxy.deciding import Decided
from workbench.faultproxy.heads import RequestHead
from workbench.faultproxy.recording import Recording

EndReason = Literal["complete", "client_gone", "upstream_gone", "upstream_refused", "cut", "open"]


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
        self.ended = False
        self.first_byte: int | None = None
        self.status: int | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.delay_ns = 0
        self.held_since = 0

    @property
    def is_answered_here(self) -> bool:
        """The callee does not hear of it."""
        return self.decided is not None and self.decided.ending is not None

    def sent(self, size: int, now: int) -> None:
        """Note that bytes of the answer went out to the caller."""
        if self.first_byte is None:
            self.first_byte = now
        self.bytes_out += size

    def finish(self, size: int, now: int) -> None:
        """Note that the last bytes of the answer went out: `sent` and `end` in one."""
        if self.first_byte is None:
            self.first_byte = now
        self.bytes_out += size
        self.end("complete", now)

    def held(self, since: int) -> None:
        """Note that a fault holds bytes back from now on."""
        self.held_since = since

    def released(self, now: int) -> None:
        """Note that the bytes that were held go on."""
        if self.held_since:
            self.delay_ns += now - self.held_since
            self.held_since = 0

    def end(self, reason: EndReason, now: int) -> None:
        """Write the row, unless that has happened. A status counts only if the caller got it."""
        if self.ended:
            return
        self.ended = True
        recording = self._recording
        if recording is None:
            return
        self._recording = None
        head = self.head
        if head is None:
            method = path = trace_id = span_id = ""
        else:
            method, path = head.method, head.path
            trace_id, span_id = head.trace_id or "", head.parent_span_id or ""
            if "," in path or '"' in path:
                path = quote(path)
        if self.first_byte is None:
            first_byte = status = ""
        else:
            first_byte = str(self.first_byte)
            status = "" if self.status is None else str(self.status)
        if self.decided is None:
            decisions = ","
        else:
            decisions = f"{self.decided.decisions},{self.decided.faults}"
            self.released(now)
        # One row for each request: a csv writer would cost as much as everything else the plane does for it.
        recording.append_line(
            f"{self.edge},{self.ordinal},{decisions},{self.accepted},{first_byte},{now},"
            f"{method},{path},{status},{reason},{self.delay_ns},{self.bytes_in},{self.bytes_out},"
            f"{trace_id},{span_id},{self.ordinal < 0}\n"
        )


def quote(text: str) -> str:
    """Return a text as a CSV value in quotes."""
    return '"' + text.replace('"', '""') + '"'
