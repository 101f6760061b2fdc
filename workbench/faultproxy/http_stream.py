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
from typing import TYPE_CHECKING

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.answering import write_answer
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import CANARY_ORDINAL, HoldParts, decide
from workbench.faultproxy.heads import RequestHead
from workbench.faultproxy.http_answers import Answers
from workbench.faultproxy.http_requests import Requests
from workbench.faultproxy.raw_stream import RawStream
from workbench.model.faults.base import Answer, Swallow

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
        if edge.faults:
            self._decide(attempt, head, canary=canary)
        if head.upgrades:
            attempt.plain = False
        if self._callee_over and not attempt.is_answered_here:
            self._requests.divert = self._requests.ignore
            self._connection.give_up("upstream_gone")
        return attempt

    def _decide(self, attempt: Attempt, head: RequestHead, *, canary: bool) -> None:
        connection = self._connection
        attempt.decided = decided = decide(self._edge.faults, head, monotonic_ns(), canary=canary)
        if not decided.faults:
            return
        attempt.plain = False
        for influence in (*decided.request_hold, *decided.response_hold):
            connection.touch(influence)
        if decided.ending is None:
            if decided.request_hold:
                connection.up.hold(decided.request_hold, attempt)
        elif isinstance(decided.ending, Swallow) and decided.ended_by is not None:
            connection.swallow(decided.ended_by)

    def serve(self) -> None:
        """Give the answers that are due here, as long as it is their turn."""
        down = self._connection.down
        while self._pending:
            attempt = self._pending[0]
            decided, head = attempt.decided, attempt.head
            if decided is None or head is None or not isinstance(decided.ending, Answer):
                return
            if not (attempt.whole or head.expects_continue):
                return
            close = head.closes or not attempt.whole or self._callee_over
            hold: HoldParts = {**decided.request_hold, **decided.response_hold}
            if hold:
                down.hold(hold, attempt)
            attempt.status = decided.ending.status
            down.send(write_answer(decided.ending, head, close=close), attempt, "complete")
            self.answered(attempt)
            if close:
                self._requests.divert = self._requests.ignore
                down.end()
                return

    def answered(self, attempt: Attempt) -> None:
        """All of the answer is on its way; the next one is due."""
        self._pending.popleft()
        while self._leaving and self._leaving[0].ended:
            self._leaving.popleft()
        self._leaving.append(attempt)
        if attempt.head is not None and attempt.head.upgrades:
            self._requests.resume()
        if self._pending:
            self.serve()
        elif self._caller_over:
            self._connection.down.end()

    # -- when reading ends ------------------------------------------------------------------------------

    def give_up_requests(self, attempt: Attempt | None, rest: bytes) -> None:
        """The caller's bytes cannot be read from `rest` on, which belongs to `attempt`, or to a new one."""
        if attempt is None:
            edge = self._edge
            attempt = Attempt(edge.name, edge.take_ordinal(), None, monotonic_ns(), edge.evidence.recording)
            self._pending.append(attempt)
        if attempt.is_answered_here:
            # Its request has no end that could be waited for.
            self._requests.divert = self._requests.ignore
            self._answer_at_once(attempt)
        elif self._pending[0] is attempt and not self._answers.is_reading:
            self._become_raw()
            self._connection.stream.request_bytes(rest)
        else:
            self._requests.divert = partial(self._pass_rest, attempt)
            self._pass_rest(attempt, rest)
