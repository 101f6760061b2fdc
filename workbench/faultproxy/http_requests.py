"""The caller's side of an HTTP connection: where each request begins and ends.

Bytes pass untouched; only a head waits until it is complete, because what happens to a request is decided on
its head. What cannot be read beyond doubt is not read at all: the stream is told, and passes it as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING

from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.bodies import Body, FramingError, body_of
from workbench.faultproxy.heads import HEAD_END, HEAD_LIMIT, NO_REQUEST, Probe
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.repeated_heads import known_head, read_and_remember
from workbench.model.faults.actions import Answer, Close, Lose, Swallow

if TYPE_CHECKING:
    from workbench.faultproxy.http_stream import HttpStream


class Requests:
    """Cuts the caller's bytes into requests and passes them on, unless a decision says otherwise."""

    __slots__ = ("_body", "_last", "_part", "_probe", "_probed", "_receiving", "_since", "_stream", "_up", "divert")

    def __init__(self, stream: HttpStream, up: Pipe) -> None:
        self._stream = stream
        self._up = up
        self._receiving: Attempt | None = None
        self._body: Body | None = None
        self._last = NO_REQUEST
        """Callers repeat themselves; a head that is the same as the last one is not read again."""
        self._part = b""
        """The beginning of a head."""
        self._probe: Probe | None = None
        self._probed = 0
        self._since = 0
        self.divert: Callable[[bytes], None] | None = None
        """Takes the caller's bytes once they are no longer to be read as requests."""

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        if self.divert is not None:
            self.divert(data)
            return
        if self._part:
            data = self._part + data
            self._part = b""
        else:
            self._since = monotonic_ns()
            self._probed = 0
        if self._receiving is None and self._take_head(data):
            return
        at = self._take_one(data, 0)
        while 0 <= at < len(data) and not self._stream.is_over:
            at = self._take_one(data, at)

    def _take_head(self, data: bytes) -> bool:
        """Take a known head with nothing behind it: what `_take_one` does, in fewer steps. False: it is not one."""
        head = self._last
        if data != head.raw:
            known = known_head(data)
            if known is None:
                return False
            self._last = head = known
        attempt = self._stream.open(head, self._since)
        if head.length:
            self._receiving, self._body = attempt, body_of(head.length)
        if not attempt.plain:
            self._pass_special(attempt, data, 0, len(data))
            return True
        attempt.bytes_in = len(data)
        up = self._up
        if up.clear:
            up.transport.write(data)  # type: ignore[union-attr]  # clear means that it is there
        else:
            up.send(data)
        return True

    def _take_one(self, data: bytes, start: int) -> int:
        """Take what is there of one request. Return where it ends; -1: the rest was dealt with."""
        attempt = self._receiving
        if attempt is None:
            at = data.find(HEAD_END, start) + 4
            if at == 3:
                return self._keep(data, start)
            head = self._last
            raw = data[start:at]
            if raw != head.raw:
                fresh = known_head(raw) or read_and_remember(raw)
                if fresh is None:
                    return self._skip_blank_lines(data, start)
                self._last = head = fresh
            attempt = self._stream.open(head, self._since)
            if head.length:
                at = self._measure(attempt, body_of(head.length), data, start, at)
        else:
            at = self._measure(attempt, self._body, data, start, start)
        if at < 0:
            return -1
        if not attempt.plain:
            return self._pass_special(attempt, data, start, at)
        attempt.bytes_in += at - start
        up = self._up
        if up.clear:
            up.transport.write(data[start:at])  # type: ignore[union-attr]  # clear means that it is there
        else:
            up.send(data[start:at])
        return at

    def _measure(self, attempt: Attempt, body: Body | None, data: bytes, start: int, at: int) -> int:
        """Return where the body ends that goes on at `at`; -1: nobody can tell, and it was passed on unread."""
        assert body is not None
        try:
            at = body.take(data, at)
        except FramingError:
            self._stream.give_up_requests(attempt, data[start:])
            return -1
        self._receiving = None if body.done else attempt
        self._body = None if body.done else body
        return at

    def _pass_special(self, attempt: Attempt, data: bytes, start: int, at: int) -> int:
        """Pass on, answer or swallow what a fault or an upgrade is about."""
        attempt.bytes_in += at - start
        attempt.whole = received = self._receiving is None
        ending = None if attempt.decided is None else attempt.decided.ending
        assert attempt.head is not None
        if ending is None or isinstance(ending, Lose):
            self._up.send(data[start:at])
            if received and attempt.decided is not None and attempt.decided.paces("request"):
                self._up.pace({})
            if received and isinstance(ending, Lose) and not isinstance(ending.instead, Answer):
                self.ignore(attempt)  # the connection can answer no more requests
            elif received and attempt.head.upgrades and self._stream.awaits(attempt):
                self.divert = self._wait_for_answer
        elif isinstance(ending, Swallow):
            self.ignore(attempt)
        elif isinstance(ending, Close):
            self.ignore(attempt)
            attempt.due = True
            self._stream.serve()
        elif received or attempt.head.expects_continue:
            # Whoever asks before sending the body may now send it, or the next request: nothing can tell.
            if not received:
                self.ignore(attempt)
            attempt.due = True
            self._stream.serve()
        if self.divert is not None and at < len(data):
            self.divert(data[at:])
            return -1
        return at

    # -- heads that are not complete, or none -----------------------------------------------------------

    def _keep(self, data: bytes, start: int) -> int:
        """Keep the beginning of a head until the rest is there, if it can be one."""
        part = data[start:]
        if self._probe is None or start or not self._probed:
            self._probe = Probe(request=True)
            self._probed = 0
        if self._probe.is_plausible(part[self._probed :]):
            self._probed = len(part)
            self._part = part
        else:
            self._stream.give_up_requests(None, part)
        return -1

    def _skip_blank_lines(self, data: bytes, start: int) -> int:
        """Pass on line breaks in front of a request, as HTTP allows; anything else cannot be read."""
        at = start
        while data[at] in b"\r\n":
            at += 1
            if at == len(data):
                break
        if at == start:
            self._stream.give_up_requests(None, data[start:])
            return -1
        self._up.send(data[start:at])
        return at

    def take_part(self) -> bytes:
        """Give away the beginning of a head that will never be complete."""
        part, self._part = self._part, b""
        return part

    # -- where bytes go when they are not read ------------------------------------------------------------

    def ignore(self, attempt: Attempt | None = None) -> None:
        """From now on nobody gets what the caller sends; it only counts for `attempt`."""
        self.divert = partial(_count, attempt)

    def _wait_for_answer(self, data: bytes) -> None:
        """Keep what comes behind a request to upgrade until the answer says what it is."""
        self._part += data
        if len(self._part) > HEAD_LIMIT:
            self._stream.give_up_requests(None, self.take_part())

    def resume(self) -> None:
        """The upgrade was refused: what came behind it are requests."""
        if self.divert == self._wait_for_answer:
            self.divert = None
            part = self.take_part()
            if part and not self._stream.is_over:
                self.take(part)


def _count(attempt: Attempt | None, data: bytes) -> None:
    if attempt is not None:
        attempt.bytes_in += len(data)
