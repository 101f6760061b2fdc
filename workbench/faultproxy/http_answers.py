"""The callee's side of an HTTP connection: where each answer begins and ends, and whose it is."""

from __future__ import annotations

from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING

from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.bodies import Body, FramingError, UntilClose, body_of
from workbench.faultproxy.heads import HEAD_END, AnswerHead, Probe, read_answer_head
from workbench.faultproxy.pipe import Pipe

if TYPE_CHECKING:
    from workbench.faultproxy.http_stream import HttpStream

_BODILESS = frozenset({204, 304})


class Answers:
    """Gives the callee's bytes to the attempts that wait for them, the oldest first."""

    __slots__ = ("_body", "_down", "_part", "_pending", "_probe", "_probed", "_stream")

    def __init__(self, stream: HttpStream, pending: deque[Attempt], down: Pipe) -> None:
        self._stream = stream
        self._pending = pending
        self._down = down
        self._body: Body | None = None
        """What is missing of the answer; None: its head is due."""
        self._part = b""
        self._probe: Probe | None = None
        self._probed = 0

    @property
    def ends_with_connection(self) -> bool:
        """The answer that is coming has no other end than the connection's."""
        return isinstance(self._body, UntilClose)

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        if self._part:
            data = self._part + data
            self._part = b""
        else:
            self._probe = None
        at = 0
        size = len(data)
        while 0 <= at < size:
            at = self._take_one(data, at)

    def take_part(self) -> bytes:
        """Give away the beginning of a head that will never be complete."""
        part, self._part = self._part, b""
        return part

    def _take_one(self, data: bytes, start: int) -> int:
        """Take what is there of one answer. Return where it ends; -1: the rest was dealt with."""
        pending = self._pending
        if not pending or not pending[0].awaits_callee:
            self._stream.take_unasked(data[start:])
            return -1
        attempt = pending[0]
        body = self._body
        at = start
        if body is None:
            at = data.find(HEAD_END, start) + 4
            if at == 3:
                return self._keep(data, start)
            head = read_answer_head(data[start:at])
            if head is None:
                self._stream.give_up_answers(data[start:])
                return -1
            if head.status < 200:
                return self._pass_informational(attempt, head, data, start, at)
            attempt.status = head.status
            body = body_of(_body_length(attempt, head))
            if not attempt.plain and self._begin_special(attempt, head, data, start, at):
                return -1
        if body is not None:
            try:
                at = body.take(data, at)
            except FramingError:
                self._stream.give_up_answers(data[start:])
                return -1
        done = body is None or body.done
        self._body = None if done else body
        self._pass(attempt, data[start:at], done=done)
        return at

    def _pass(self, attempt: Attempt, data: bytes, *, done: bool) -> None:
        down = self._down
        if not (down.clear and attempt.plain and down.transport is not None):
            down.send(data, attempt, "complete" if done else None)
            if done:
                self._stream.answered(attempt)
            return
        down.transport.write(data)
        now = monotonic_ns()
        attempt.sent(len(data), now)
        if done:
            attempt.end("complete", now)
            self._pending.popleft()
            if self._pending:
                self._stream.serve()

    def _begin_special(self, attempt: Attempt, head: AnswerHead, data: bytes, start: int, at: int) -> bool:
        """Hold the answer where a fault says so. Return True if it opens a tunnel; all was passed on then."""
        if attempt.decided is not None and attempt.decided.response_hold:
            self._down.hold(attempt.decided.response_hold, attempt)
            attempt.decided.response_hold = {}
        assert attempt.head is not None
        opens_tunnel = attempt.head.method == "CONNECT" and head.status < 300
        if opens_tunnel:
            self._open_tunnel(attempt, data, start, at)
        return opens_tunnel

    def _pass_informational(self, attempt: Attempt, head: AnswerHead, data: bytes, start: int, at: int) -> int:
        """Pass on a 1xx, which is not the answer; 101 is, and what follows is not HTTP any more."""
        if head.status != 101:
            attempt.bytes_out += at - start
            self._down.send(data[start:at])
            return at
        assert attempt.head is not None
        if not attempt.head.upgrades:
            self._stream.give_up_answers(data[start:])
            return -1
        attempt.status = head.status
        self._begin_special(attempt, head, data, start, at)
        self._open_tunnel(attempt, data, start, at)
        return -1

    def _open_tunnel(self, attempt: Attempt, data: bytes, start: int, at: int) -> None:
        self._down.send(data[start:at], attempt, "complete")
        self._stream.open_tunnel(attempt, data[at:])

    def _keep(self, data: bytes, start: int) -> int:
        """Keep the beginning of a head until the rest is there, if it can be one."""
        part = data[start:]
        if self._probe is None or start:
            self._probe = Probe(request=False)
            self._probed = 0
        if self._probe.is_plausible(part[self._probed :]):
            self._probed = len(part)
            self._part = part
        else:
            self._stream.give_up_answers(part)
        return -1


def _body_length(attempt: Attempt, head: AnswerHead) -> int:
    """Return the length of an answer's body in the light of what was asked."""
    assert attempt.head is not None
    return 0 if head.status in _BODILESS or attempt.head.method == "HEAD" else head.length
