"""The callee's side of an HTTP connection: where each answer begins and ends, and whose it is."""

from __future__ import annotations

from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING

from workbench.faultproxy.altering import LIMIT, KeptAnswer
from workbench.faultproxy.answering import begin_answer, send_whole
from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.bodies import Body, FramingError, UntilClose, body_of
from workbench.faultproxy.heads import HEAD_END, NO_ANSWER, AnswerHead, Probe, read_answer_head
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.truncating import Truncation

if TYPE_CHECKING:
    from workbench.faultproxy.http_stream import HttpStream


class Answers:
    """Gives the callee's bytes to the attempts that wait for them, the oldest first."""

    __slots__ = (
        "_body",
        "_down",
        "_kept",
        "_last",
        "_losing",
        "_part",
        "_pending",
        "_probe",
        "_probed",
        "_stream",
        "_truncation",
        "_usual",
    )

    def __init__(self, stream: HttpStream, pending: deque[Attempt], down: Pipe) -> None:
        self._stream = stream
        self._pending = pending
        self._down = down
        self._body: Body | None = None
        """What is missing of the answer; None: its head is due."""
        self._last = NO_ANSWER
        """Servers repeat themselves; a head that is the same as the last one is not read again."""
        self._usual = -1
        """Bytes of an answer with that head, its body included; -1: not to be told, or it is not an answer."""
        self._part = b""
        self._probe: Probe | None = None
        self._probed = 0
        self._kept: KeptAnswer | None = None
        """What there is of an answer that is to be altered."""
        self._losing = False
        """Bytes of the answer that is coming were thrown away."""
        self._truncation: Truncation | None = None
        """The answer that is coming is to end too early."""

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        if self._part:
            data = self._part + data
            self._part = b""
        else:
            self._probed = 0
        if len(data) == self._usual and self._take_whole(data):
            return
        at = self._take_one(data, 0)
        while 0 <= at < len(data):
            at = self._take_one(data, at)

    def take_part(self) -> bytes:
        """Give away what was kept of an answer that will never be complete."""
        part, self._part = self._part, b""
        if self._kept is not None:
            part, self._kept = self._kept.data + part, None
        return part

    def end(self, attempt: Attempt) -> None:
        """Nothing more comes: the answer is whole if its end is the connection's, else it never will be."""
        if attempt.is_lost:
            self._stream.lost(attempt, closed=True)
            return
        whole = isinstance(self._body, UntilClose)
        if whole and self._kept is not None:
            self._pass_altered(attempt, self._kept)
            return
        part = self.take_part()
        if self._truncation is not None:
            self._pass_too_little(attempt, self._truncation, part, done=True)
            return
        if part:
            self._down.send(part, attempt)
        self._down.send(b"", attempt, "complete" if whole else "upstream_gone")

    def lift(self) -> bool:
        """A fault was taken off. Return whether an answer is spoilt: some of it is gone, and the rest would pass."""
        if not self._pending or (decided := self._pending[0].decided) is None:
            return False
        attempt, truncation = self._pending[0], self._truncation
        if self._kept is not None and not decided.alterations:
            self._pass(attempt, self.take_part(), done=False)
        if truncation is not None and not truncation.over and decided.truncated_at is None:
            self._truncation = None
            self._down.send(truncation.give_back(), attempt)
        return self._losing and not attempt.is_lost

    def _take_whole(self, data: bytes) -> bool:
        """Take one answer with the last one's head, as most pieces are: what `_take_one` does, in fewer steps.

        False: it is not.
        """
        pending, head = self._pending, self._last
        if self._body is not None or not pending or not data.startswith(head.raw):
            return False
        attempt = pending[0]
        if not (attempt.plain and attempt.awaits_callee and self._down.clear) or attempt.head.method == "HEAD":  # type: ignore[union-attr]  # HTTP
            return False
        attempt.status = head.status
        self._down.transport.write(data)  # type: ignore[union-attr]  # clear means that it is there
        attempt.finish(self._usual, monotonic_ns())
        pending.popleft()
        if pending:
            self._stream.serve()
        return True

    def _take_one(self, data: bytes, start: int) -> int:
        """Take what is there of one answer. Return where it ends; -1: the rest was dealt with."""
        pending = self._pending
        if not pending or not pending[0].awaits_callee:
            self._stream.take_unasked(data[start:])
            return -1
        attempt = pending[0]
        at = start
        if self._body is None:
            at = data.find(HEAD_END, start) + 4
            if at == 3:
                return self._keep(data, start)
            head = self._last
            raw = data[start:at]
            if raw != head.raw:
                fresh = read_answer_head(raw)
                if fresh is None:
                    self._stream.give_up_answers(data[start:])
                    return -1
                self._last = head = fresh
                self._usual = at - start + head.length if head.status >= 200 and head.length >= 0 else -1
            if head.status < 200 or not attempt.plain:
                passed = self._begin_special(attempt, head, data, start, at)
                if passed:
                    return passed
            attempt.status = head.status
            length = 0 if attempt.head.method == "HEAD" else head.length  # type: ignore[union-attr]  # HTTP
            if (
                length
                and not attempt.plain
                and attempt.decided is not None
                and attempt.decided.truncated_at is not None
                and not attempt.is_lost
            ):
                self._truncation = Truncation(attempt.decided.truncated_at, length, at - start)
            if length >= 0 and at + length <= len(data):
                at += length
                self._pass(attempt, data[start:at], done=True)
                return at
            self._body = body_of(length)
        return self._take_body(attempt, data, start, at)

    def _take_body(self, attempt: Attempt, data: bytes, start: int, at: int) -> int:
        body = self._body
        assert body is not None
        try:
            at = body.take(data, at)
        except FramingError:
            if self._truncation is not None and not attempt.is_lost:
                self._pass_too_little(attempt, self._truncation, self.take_part(), done=True)
            else:
                self._stream.give_up_answers(data[start:])
            return -1
        if body.done:
            self._body = None
        self._pass(attempt, data[start:at], done=body.done)
        return at

    def _pass(self, attempt: Attempt, data: bytes, *, done: bool) -> None:
        down = self._down
        if not (down.clear and attempt.plain):
            if attempt.is_lost:
                self._losing = not done
                if done:
                    self._stream.lost(attempt)
                return
            if self._kept is not None:
                if not self._keep_for_change(attempt, self._kept, data, done=done):
                    return
                data = self.take_part()
            if self._truncation is not None:
                self._pass_too_little(attempt, self._truncation, data, done=done)
            else:
                down.send(data, attempt, "complete" if done else None)
            if done:
                self._stream.answered(attempt)
            return
        down.transport.write(data)  # type: ignore[union-attr]  # clear means that it is there
        if not done:
            attempt.sent(len(data), monotonic_ns())
            return
        attempt.finish(len(data), monotonic_ns())
        self._pending.popleft()
        if self._pending:
            self._stream.serve()

    def _pass_too_little(self, attempt: Attempt, truncation: Truncation, data: bytes, *, done: bool) -> None:
        data = truncation.take(data, done=done)
        if truncation.over:
            self._down.send(data, attempt, "cut")
            self._down.cut()
        else:
            self._down.send(data, attempt)

    def _begin_special(self, attempt: Attempt, head: AnswerHead, data: bytes, start: int, at: int) -> int:
        """Do what is to be done before an answer that is not the usual one.

        Return where it ends, if that was all: 1xx is not the answer; a tunnel takes the rest (-1). Else 0.
        """
        assert attempt.head is not None
        if 100 <= head.status < 200 and head.status != 101:
            attempt.bytes_out += at - start
            self._down.send(data[start:at])
            return at
        begin_answer(self._down, attempt, head=at - start)
        tunnel = head.status == 101 or (attempt.head.method == "CONNECT" and head.status < 300)
        if tunnel and attempt.is_lost:
            self._stream.lost(attempt, closed=True)
            return -1
        if head.status == 101 and not attempt.head.upgrades:
            self._stream.give_up_answers(data[start:])
            return -1
        if tunnel:
            attempt.status = head.status
            self._open_tunnel(attempt, data, start, at)
            return -1
        has_body = head.length != 0 and head.length <= LIMIT and attempt.head.method != "HEAD"
        if has_body and attempt.decided is not None and attempt.decided.alterations and not attempt.is_lost:
            self._kept = KeptAnswer(attempt.head, head)
        return 0

    def _keep_for_change(self, attempt: Attempt, kept: KeptAnswer, data: bytes, *, done: bool) -> bool:
        """Keep a piece of an answer that is to be altered; return whether it passes as it is after all."""
        if not kept.add(data):
            return True
        if done:
            self._pass_altered(attempt, kept)
            self._stream.answered(attempt)
        return False

    def _pass_altered(self, attempt: Attempt, kept: KeptAnswer) -> None:
        self._kept = self._truncation = None
        altered = None if attempt.decided is None else kept.altered(attempt.decided.alterations)
        if altered is None:
            send_whole(self._down, attempt, kept.data, "complete")
        else:
            send_whole(self._down, attempt, altered, "altered")

    def _open_tunnel(self, attempt: Attempt, data: bytes, start: int, at: int) -> None:
        self._down.send(data[start:at], attempt, "complete")
        self._stream.open_tunnel(data[at:])

    def _keep(self, data: bytes, start: int) -> int:
        """Keep the beginning of a head until the rest is there, if it can be one."""
        part = data[start:]
        if self._probe is None or start or not self._probed:
            self._probe = Probe(request=False)
            self._probed = 0
        if self._probe.is_plausible(part[self._probed :]):
            self._probed = len(part)
            self._part = part
        else:
            self._stream.give_up_answers(part)
        return -1
