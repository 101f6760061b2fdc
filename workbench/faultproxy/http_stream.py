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
from workbench.faultproxy.admission import WAITING_NS
from workbench.faultproxy.answering import begin_answer, send_whole, write_answer
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import CANARY_ORDINAL, Decided, HoldParts, decide
from workbench.faultproxy.heads import RequestHead
from workbench.faultproxy.http_answers import Answers
from workbench.faultproxy.http_requests import Requests
from workbench.faultproxy.raw_stream import RawStream
from workbench.model.faults.actions import Answer, Close, Lose, Swallow

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

    @property
    def finishing(self) -> bool:
        return any(attempt.is_lost and attempt.whole for attempt in self._pending)

    @property
    def is_over(self) -> bool:
        """The connection has ended: what else the caller has sent reaches nobody."""
        return self._connection.closed

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

    def awaits(self, attempt: Attempt) -> bool:
        """Tell whether the end of an attempt's answer is to come."""
        return attempt in self._pending

    def _decide(self, attempt: Attempt, head: RequestHead, *, canary: bool) -> None:
        connection = self._connection
        decided = decide(self._edge.faults, head, monotonic_ns(), connection=connection, canary=canary)
        if not decided.faults:
            attempt.decided = decided
            return
        attempt.meet(decided)
        attempt.plain = False
        for influence in decided.influences():
            connection.touch(influence)
        ending = decided.ending
        vanishes = ending if isinstance(ending, Swallow) else isinstance(ending, Lose) and ending.instead
        if decided.ended_by is not None and isinstance(vanishes, Swallow | Close):
            connection.swallow(decided.ended_by)
        if decided.answers_here:
            attempt.awaits_callee = False
            return
        if decided.request_hold or decided.places:
            self._hold_request(attempt, decided)
        if paces := decided.paces("request"):
            connection.up.pace(paces, head=len(head.raw), attempt=attempt)

    def _hold_request(self, attempt: Attempt, decided: Decided) -> None:
        """Hold a request before it is forwarded: for so long, or until the callee has a place for it."""
        connection, up = self._connection, self._connection.up
        parts: HoldParts = dict(decided.request_hold)
        for fault, place in decided.places.items():
            parts[fault] = WAITING_NS if place.hold_ns is None else place.hold_ns
        hold = up.hold(parts, attempt)
        for fault, place in decided.places.items():
            place.tell(partial(up.hold_on, hold, fault), partial(connection.close, "client_gone"))

    def serve(self) -> None:
        """Give the answers that are due here, as long as it is their turn."""
        while self._pending:
            attempt = self._pending[0]
            decided = attempt.decided
            if decided is None or not isinstance(decided.ending, Answer | Close) or not attempt.due:
                return
            hold: HoldParts = {**decided.request_hold, **decided.response_hold}
            if hold:
                self._connection.down.hold(hold, attempt)
            if self._give(attempt, decided.ending):
                return

    def _give(self, attempt: Attempt, answer: Answer | Close) -> bool:
        """Give an answer that is made here, or none; return whether the connection ends with it."""
        connection, head = self._connection, attempt.head
        assert head is not None
        self._leave(self._pending.popleft())
        if isinstance(answer, Close):
            connection.down.send(b"", attempt, "cut")
            connection.down.cut(reset=answer.reset)
            return True
        close = head.closes or not attempt.whole or self._callee_over
        attempt.status = answer.status
        connection.answers_here()
        ends = send_whole(connection.down, attempt, write_answer(answer, head, close=close), "complete")
        if close or (self._caller_over and not self._pending):
            self._requests.ignore()
            connection.down.end()
            return True
        return ends

    def lost(self, attempt: Attempt, *, closed: bool = False) -> None:
        """The callee has answered (`closed`: and ended its side), and it does not arrive: give what does."""
        assert attempt.decided is not None
        assert isinstance(attempt.decided.ending, Lose)
        instead = attempt.decided.ending.instead
        self._callee_over = self._callee_over or closed
        if isinstance(instead, Swallow):
            self._leave(self._pending.popleft())
            ends = True
        else:
            ends = self._give(attempt, instead)
        if ends:
            self._requests.ignore(attempt)
            self.answer_bytes = _drop
        else:
            if attempt.head is not None and attempt.head.upgrades:
                self._requests.resume()
            if self._pending:
                self.serve()
        if not self.finishing:
            self._connection.callee_finished()

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
        while self._leaving and self._leaving[0].is_over:
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
        elif attempt.is_lost:
            self._connection.cut()  # nobody could tell where the answer ends that is not to arrive
            return
        attempt.awaits_callee = False
        shapes_answer = attempt.decided is not None and attempt.decided.shapes_answer
        if self._pending and self._pending[0] is attempt and not shapes_answer:
            self._become_raw()
            self._connection.stream.request_bytes(rest)
        else:  # answers are still to be read, or its own was given before it had come whole
            self._requests.divert = partial(self._pass_rest, attempt)
            self._pass_rest(attempt, rest)

    def _pass_rest(self, attempt: Attempt, data: bytes) -> None:
        attempt.bytes_in += len(data)
        self._connection.up.send(data)

    def give_up_answers(self, rest: bytes) -> None:
        """The callee's bytes cannot be read from `rest` on; they belong to the attempt whose answer is due."""
        if self._pending[0].is_lost:
            self.lost(self._pending[0], closed=True)
            return
        self._pass_answers(rest)

    def take_unasked(self, rest: bytes) -> None:
        """The callee sends what no request that was read asked for."""
        if self._pending and self._pending[0].is_answered_here:
            self._callee_over = True
            return
        # Either the caller's bytes became unreadable before, or the callee speaks first, or it says goodbye.
        self._pass_answers(rest)

    def _pass_answers(self, rest: bytes) -> None:
        """Read no more, and pass the callee's bytes, as the faults want the answer that is due if there is one."""
        if self._pending:
            begin_answer(self._connection.down, self._pending[0])
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
        others = [*self._leaving, *self._pending]
        stream = RawStream(self._connection, attempt, others=others, opens_on=opens_on, before=self)
        self._connection.stream = stream
        if part := self._requests.take_part():
            stream.request_bytes(part)
        if part := self._answers.take_part():
            stream.answer_bytes(part)

    # -- ends -------------------------------------------------------------------------------------------

    def caller_done(self, now: int) -> bool:
        self._caller_over = True
        part = self._requests.take_part()
        if self._seen and not part.strip(b"\r\n"):
            if part:  # line breaks behind a request are none
                self._connection.up.send(part)
        elif part:
            self.give_up_requests(None, part)
            if self._connection.stream is not self:
                return self._connection.stream.caller_done(now)
        waits = any(not attempt.is_answered_here for attempt in self._pending)
        leaves = any(not attempt.is_over for attempt in self._leaving)
        for attempt in self.open_attempts():
            attempt.end("client_gone", now)
            attempt.plain = False
        if leaves and not waits:
            self._connection.down.end()
        return not (waits or leaves)

    def callee_done(self, now: int) -> None:  # noqa: ARG002 - attempts end when what is on its way has left
        self._callee_over = True
        if self.answer_bytes is _drop:
            return  # the caller's side has its own end
        pending, down = self._pending, self._connection.down
        if pending and pending[0].is_answered_here:
            self.serve()
            return
        if pending:
            was_lost = pending[0].is_lost
            self._answers.end(pending[0])
            if was_lost:
                return
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

    def forget(self) -> None:
        self._requests.divert = None
        del self._requests, self._answers, self.request_bytes, self.answer_bytes

    # -- faults -----------------------------------------------------------------------------------------

    def meet(self, fault: RequestInfluence, now: int) -> None:
        """Requests that are here have been decided on."""

    def lift(self, influence: Influence) -> None:
        for attempt in self._pending:
            if attempt.decided is not None:
                attempt.decided.forget(influence)
        if self._answers.lift():
            self._connection.cut()
        elif not self.finishing:
            self._connection.callee_finished()


def _drop(data: bytes) -> None:
    """Take bytes that nobody gets."""
