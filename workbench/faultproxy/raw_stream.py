"""A connection that is only bytes: an edge that is not HTTP, or the rest of one that stopped being readable.

The whole connection is one attempt and is decided once by each fault that means something without requests.
A delay then holds each piece on its side (`delay_ns` of the row is the delay of one piece), a pace is for all
bytes of its side, a swallow takes both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.deciding import Decided, ask, decide, decide_again
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.stages import Always, Limit, Stage
from workbench.model.faults.actions import Close, Delay, Pace, Swallow, Truncate

if TYPE_CHECKING:
    from workbench.faultproxy.active_fault import RequestInfluence
    from workbench.faultproxy.connection import Connection
    from workbench.faultproxy.stream import Stream


class RawStream:
    """Bytes both ways. `others` are earlier attempts that are not over yet; they end with the connection.

    `before` is who read the connection until now.
    """

    __slots__ = ("_attempt", "_before", "_connection", "_met", "_opens_on", "_others")

    def __init__(
        self,
        connection: Connection,
        attempt: Attempt | None,
        *,
        others: Sequence[Attempt] = (),
        opens_on: Literal["any", "caller"] = "any",
        before: Stream | None = None,
    ) -> None:
        self._connection = connection
        self._attempt: Attempt | None = None
        self._others = others
        self._opens_on = opens_on
        """Whose bytes make it an attempt; what a callee says unasked after the last answer is none."""
        self._before = before
        self._met: dict[str, RequestInfluence] = {}
        """Whose decision the last one of each id is, if there is one."""
        if attempt is not None:
            self._adopt(attempt)

    def begin(self) -> None:
        """Make it an attempt before anyone has said a word."""
        self._open()

    @property
    def finishing(self) -> bool:
        return False

    # -- bytes ----------------------------------------------------------------------------------------

    def request_bytes(self, data: bytes) -> None:
        attempt = self._attempt or self._open()
        attempt.bytes_in += len(data)
        up = self._connection.up
        if up.clear:
            _write(up, data)
        else:
            up.send(data)

    def answer_bytes(self, data: bytes) -> None:
        attempt = self._attempt
        if attempt is None and self._opens_on == "any":
            attempt = self._open()
        down = self._connection.down
        if down.clear:
            _write(down, data)
            if attempt is not None:
                attempt.sent(len(data), monotonic_ns())
        else:
            down.send(data, attempt)

    # -- ends -----------------------------------------------------------------------------------------

    def caller_done(self, now: int) -> bool:  # noqa: ARG002 - the callee may still have to say something
        return False

    def callee_done(self, now: int) -> None:  # noqa: ARG002 - passed on in order, whenever that is
        self._connection.down.end()

    def open_attempts(self) -> Iterable[Attempt]:
        return self._others if self._attempt is None else (*self._others, self._attempt)

    def end(self, reason: EndReason | None, now: int) -> None:
        for attempt in self._others:
            attempt.end(reason or "upstream_gone", now)
        if self._attempt is not None:
            self._attempt.end(reason or "complete", now)

    def forget(self) -> None:
        if self._before is not None:
            self._before.forget()

    # -- faults ---------------------------------------------------------------------------------------

    def meet(self, fault: RequestInfluence, now: int) -> None:
        attempt = self._attempt
        if attempt is None or not fault.fits_bytes:
            return
        before = attempt.decided
        if before is not None and before.ending is not None:
            return
        again = decide_again(fault, before, now) if before is not None and self._met.get(fault.id) is fault else None
        self._met[fault.id] = fault
        if again is not None:
            delay_ns = attempt.delay_ns
            attempt.decided = again
            self._carry_out(again, attempt)
            attempt.delay_ns = delay_ns
            return
        decided = Decided() if before is None else before.columns_only()
        ask(fault, decided, now, connection=self._connection)
        attempt.meet(decided)
        self._carry_out(decided, attempt)

    def lift(self, influence: Influence) -> None:
        """Stages are the pipes' business; nothing else is kept here."""

    def _open(self) -> Attempt:
        edge = self._connection.edge
        attempt = Attempt(edge.name, edge.take_ordinal(), None, monotonic_ns(), edge.evidence.recording)
        self._adopt(attempt)
        return attempt

    def _adopt(self, attempt: Attempt) -> None:
        """Let faults decide on the connection, unless they have decided on the request it began as."""
        self._attempt = attempt
        edge = self._connection.edge
        if edge.faults:
            self._met = {fault.id: fault for fault in edge.faults}
        if attempt.decided is None and edge.faults:
            decided = decide(edge.faults, None, monotonic_ns(), connection=self._connection)
            attempt.meet(decided)
            self._carry_out(decided, attempt)

    def _carry_out(self, decided: Decided, attempt: Attempt) -> None:
        connection = self._connection
        for fault, ns in decided.request_hold.items():
            connection.touch(fault)
            connection.up.add_stage(Always(fault, Delay(ns, "request")))
            attempt.delay_ns += ns
        for fault, ns in decided.response_hold.items():
            connection.touch(fault)
            connection.down.add_stage(Always(fault, Delay(ns, "response")))
            attempt.delay_ns += ns
        for influence, shape in decided.shapings.items():
            connection.touch(influence)
            if isinstance(shape, Truncate):
                connection.down.add_stage(Limit(influence, shape.after_bytes))
            elif isinstance(shape, Pace) and shape.side == "request":
                connection.up.pace({}, attempt=attempt)
                connection.up.add_stage(Stage(influence, shape))
            elif isinstance(shape, Pace):
                connection.down.add_stage(Stage(influence, shape))
        if isinstance(decided.ending, Close):
            connection.down.cut(reset=decided.ending.reset)
        elif isinstance(decided.ending, Swallow) and decided.ended_by is not None:
            connection.swallow(decided.ended_by)
            connection.up.add_stage(Always(decided.ended_by, decided.ending))
            connection.down.add_stage(Always(decided.ended_by, decided.ending))


def _write(pipe: Pipe, data: bytes) -> None:
    """Write to a pipe that is clear."""
    assert pipe.transport is not None
    pipe.transport.write(data)
