"""A connection that speaks HTTP/1: requests in the order in which they came, and what becomes of each.

Whatever cannot be read beyond doubt ends the reading: from there on the connection is a `RawStream`, and the
attempt during which it happened lasts to the connection's end. A caller that finishes sending while it still
waits for an answer has left, as most servers see it too: its attempts end then (the bytes still pass).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.answering import write_answer
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import CANARY_ORDINAL, HoldParts, decide
from workbench.faultproxy.heads import HEAD_END, RequestHead
from workbench.faultproxy.http_answers import Answers
from workbench.faultproxy.http_requests import Requests
from workbench.faultproxy.raw_stream import RawStream
from workbench.faultproxy.truncating import Truncation
from workbench.model.faults.actions import Answer, Close, Swallow

if TYPE_CHECKING:
    from workbench.faultproxy.active_fault import RequestInfluence
    from workbench.faultproxy.connection import Connection


class HttpStream:
    """Both sides of the connection. `_pending[0]` is the attempt whose answer is due."""

    __slots__ = (
        "_answers",
        "_callee_over",
        "_caller_over",
        "_connection",
        "_edge",
        "_leaving",
        "_pending",
        "_requests",
        "_seen",
        "answer_bytes",
        "request_bytes",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._edge = connection.edge
        self._pending: deque[Attempt] = deque()
        self._leaving: deque[Attempt] = deque()
        """Answered, but the answer has not left altogether."""
        self._seen = False
        self._caller_over = False
        self._callee_over = False
        self._requests = Requests(self, connection.up)
        self._answers = Answers(self, self._pending, connection.down)
        self.request_bytes: Callable[[bytes], None] = self._requests.take
        self.answer_bytes: Callable[[bytes], None] = self._answers.take

    # -- attempts ---------------------------------------------------------------------------------------

    def open(self, head: RequestHead, since: int) -> Attempt:
        """Begin an attempt and let the edge's faults decide on it."""
        edge = self._edge
        recording = edge.evidence.recording
        self._seen = True
        canary = head.canary is not None and recording is not None and recording.is_canary(head.canary)
        ordinal = CANARY_ORDINAL if canary else edge.take_ordinal()
        attempt = Attempt(edge.name, ordinal, head, since, recording)
        self._pending.append(attempt)
        if head.upgrades:
            attempt.plain = False
        if edge.faults:
            self._decide(attempt, head, canary=canary)
        if self._callee_over and attempt.awaits_callee:
            self._requests.ignore()
            self._connection.close("upstream_gone")
        return attempt

    def _decide(self, attempt: Attempt, head: RequestHead, *, canary: bool) -> None:
        connection = self._connection
        attempt.decided = decided = decide(self._edge.faults, head, monotonic_ns(), canary=canary)
        if not decided.faults:
            return
        attempt.plain = False
        for influence in decided.influences():
            connection.touch(influence)
        if decided.ending is None:
            if decided.request_hold:
                connection.up.hold(decided.request_hold, attempt)
            if paces := decided.paces("request"):
                connection.up.pace(paces, head=len(head.raw), attempt=attempt)
            return
        attempt.awaits_callee = False
        if isinstance(decided.ending, Swallow) and decided.ended_by is not None:
            connection.swallow(decided.ended_by)

    def serve(self) -> None:
        """Give the answers that are due here, as long as it is their turn."""
        connection, down = self._connection, self._connection.down
        while self._pending:
            attempt = self._pending[0]
            decided, head = attempt.decided, attempt.head
            if decided is None or head is None or not attempt.due:
                return
            hold: HoldParts = {**decided.request_hold, **decided.response_hold}
            if hold:
                down.hold(hold, attempt)
            self._leave(self._pending.popleft())
            if isinstance(decided.ending, Close):
                down.send(b"", attempt, "cut")
                down.cut(reset=decided.ending.reset)
                return
            assert isinstance(decided.ending, Answer)
            close = head.closes or not attempt.whole or self._callee_over
            attempt.status = decided.ending.status
            connection.answers_here()
            written = write_answer(decided.ending, head, close=close)
            length = written.index(HEAD_END) + 4
            if paces := decided.paces("response"):
                down.pace(paces, head=length)
            if decided.truncated_at is not None and len(written) > length:
                written = Truncation(decided.truncated_at, len(written) - length, length).take(written, done=True)
                down.send(written, attempt, "cut")
                down.cut()
                return
            down.send(written, attempt, "complete")
            if close or (self._caller_over and not self._pending):
                self._requests.ignore()
                down.end()
                return

    def answered(self, attempt: Attempt) -> None:
        """All of the callee's answer is on its way; the next one is due."""
        self._leave(self._pending.popleft())
        if attempt.head is not None and attempt.head.upgrades:
            self._requests.resume()
        if self._pending:
            self.serve()
        elif self._caller_over:
            self._connection.down.end()

    def _leave(self, attempt: Attempt) -> None:
        """Keep an attempt until its answer has left altogether, and forget those whose answer has."""
        while self._leaving and self._leaving[0].reason is not None:
            self._leaving.popleft()
        self._leaving.append(attempt)

    # -- when reading ends ------------------------------------------------------------------------------

    def give_up_requests(self, attempt: Attempt | None, rest: bytes) -> None:
        """The caller's bytes cannot be read from `rest` on, which belongs to `attempt`, or to a new one."""
        if attempt is None:
            edge = self._edge
            attempt = Attempt(edge.name, edge.take_ordinal(), None, monotonic_ns(), edge.evidence.recording)
            self._pending.append(attempt)
        elif not attempt.awaits_callee:
            # Answered here: its request has no end that could be waited for.
            self._requests.ignore(attempt)
            attempt.due = True
            self.serve()
            return
        attempt.awaits_callee = False
        if self._pending[0] is attempt:
            self._become_raw()
            self._connection.stream.request_bytes(rest)
        else:
            self._requests.divert = partial(self._pass_rest, attempt)
            self._pass_rest(attempt, rest)

    def _pass_rest(self, attempt: Attempt, data: bytes) -> None:
        attempt.bytes_in += len(data)
        self._connection.up.send(data)

    def give_up_answers(self, rest: bytes) -> None:
        """The callee's bytes cannot be read from `rest` on; they belong to the attempt whose answer is due."""
        decided = self._pending[0].decided
        if decided is not None and decided.response_hold:
            self._connection.down.hold(decided.response_hold, self._pending[0])
        if decided is not None and (paces := decided.paces("response")):
            self._connection.down.pace(paces)
        self._become_raw()
        self._connection.stream.answer_bytes(rest)

    def take_unasked(self, rest: bytes) -> None:
        """The callee sends what no request that was read asked for."""
        if self._pending and self._pending[0].is_answered_here:
            self._callee_over = True
            return
        # Either the caller's bytes became unreadable before, or the callee speaks first, or it says goodbye.
        self._become_raw(opens_on="caller" if self._seen and not self._pending else "any")
        self._connection.stream.answer_bytes(rest)

    def open_tunnel(self, rest: bytes) -> None:
        """The answer ended the HTTP on this connection; `rest` is what the callee sent behind it."""
        self._leave(self._pending.popleft())
        self._become_raw()
        if rest:
            self._connection.stream.answer_bytes(rest)

    def _become_raw(self, *, opens_on: Literal["any", "caller"] = "any") -> None:
        attempt = self._pending.popleft() if self._pending else None
        stream = RawStream(self._connection, attempt, others=[*self._leaving, *self._pending], opens_on=opens_on)
        self._connection.stream = stream
        if part := self._requests.take_part():
            stream.request_bytes(part)
        if part := self._answers.take_part():
            stream.answer_bytes(part)

    # -- ends -------------------------------------------------------------------------------------------

    def caller_done(self, now: int) -> bool:
        self._caller_over = True
        if part := self._requests.take_part():
            self.give_up_requests(None, part)
            if self._connection.stream is not self:
                return self._connection.stream.caller_done(now)
        waits = any(not attempt.is_answered_here for attempt in self._pending)
        leaves = any(attempt.reason is None for attempt in self._leaving)
        for attempt in self.open_attempts():
            attempt.end("client_gone", now)
            attempt.plain = False
        if leaves and not waits:
            self._connection.down.end()
        return not (waits or leaves)

    def callee_done(self, now: int) -> None:  # noqa: ARG002 - attempts end when what is on its way has left
        self._callee_over = True
        pending, down = self._pending, self._connection.down
        if pending and pending[0].is_answered_here:
            self.serve()
            return
        if pending and not self._answers.end_too_early(pending[0]):
            if part := self._answers.take_part():
                down.send(part, pending[0])
            down.send(b"", pending[0], "complete" if self._answers.ends_with_connection else "upstream_gone")
        for attempt in list(pending)[1:]:
            down.send(b"", attempt, "upstream_gone")
        self._leaving.extend(pending)
        pending.clear()
        down.end()

    def open_attempts(self) -> Iterable[Attempt]:
        return (*self._leaving, *self._pending)

    def end(self, reason: EndReason | None, now: int) -> None:
        for attempt in self.open_attempts():
            attempt.end(reason or "upstream_gone", now)

    # -- faults -----------------------------------------------------------------------------------------

    def meet(self, fault: RequestInfluence, now: int) -> None:
        """Requests that are here have been decided on."""

    def lift(self, influence: Influence) -> None:
        for attempt in self._pending:
            if attempt.decided is not None:
                attempt.decided.forget(influence)
        self._answers.lift()
