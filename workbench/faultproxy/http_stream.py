"""A connection that speaks HTTP/1: where each request begins and ends, and which answer belongs to it.

Bytes pass untouched; only whole heads wait until they are complete, because what happens to a request is
decided on its head. Whatever cannot be read beyond doubt ends the reading: from there on the connection is a
`RawStream`, and the attempt during which it happened lasts to the connection's end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic_ns
from typing import TYPE_CHECKING

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.answering import write_answer
from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.bodies import Body, FramingError, body_of
from workbench.faultproxy.deciding import CANARY_ORDINAL, decide
from workbench.faultproxy.heads import HEAD_END, HEAD_LIMIT, Probe, RequestHead, read_answer_head, read_request_head
from workbench.faultproxy.raw_stream import RawStream
from workbench.model.faults.base import Answer, Swallow

if TYPE_CHECKING:
    from workbench.faultproxy.active_fault import RequestInfluence
    from workbench.faultproxy.connection import Connection

_BODILESS = frozenset({204, 304})


class HttpStream:
    """Requests in the order in which they came; `_pending[0]` is the one whose answer is due."""

    __slots__ = (
        "_answer_body",
        "_answer_part",
        "_answer_probe",
        "_body",
        "_callee_over",
        "_connection",
        "_divert",
        "_down",
        "_edge",
        "_leaving",
        "_part",
        "_pending",
        "_probe",
        "_receiving",
        "_rest",
        "_seen",
        "_since",
        "_up",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._edge = connection.edge
        self._up = connection.up
        self._down = connection.down
        self._pending: deque[Attempt] = deque()
        self._leaving: deque[Attempt] = deque()
        """Answered, but not all of the answer has left."""
        self._divert: Callable[[bytes], None] | None = None
        """Takes what the caller sends, once it is no longer read as requests."""
        self._receiving: Attempt | None = None
        self._body: Body | None = None
        self._part = b""
        self._probe: Probe | None = None
        self._since = 0
        self._answer_body: Body | None = None
        self._answer_part = b""
        self._answer_probe: Probe | None = None
        self._rest: Attempt | None = None
        """The attempt during which the caller's bytes became unreadable."""
        self._seen = False
        self._callee_over = False

    # -- from the caller ------------------------------------------------------------------------------

    def request_bytes(self, data: bytes) -> None:
        if self._divert is not None:
            self._divert(data)
            return
        if self._part:
            data = self._part + data
            self._part = b""
        else:
            self._since = monotonic_ns()
        start = 0
        size = len(data)
        while start < size:
            attempt = self._receiving
            body = self._body
            at = start
            if attempt is None:
                end = data.find(HEAD_END, start)
                if end < 0:
                    self._keep_part(data[start:])
                    return
                at = end + 4
                head = read_request_head(data if at == size and not start else data[start:at])
                if head is None:
                    start = self._skip_blank_lines(data, start)
                    if start < 0:
                        return
                    continue
                attempt = self._open(head)
                body = None if head.length == 0 else body_of(head.length)
            if body is not None:
                try:
                    at = body.take(data, at)
                except FramingError:
                    self._give_up_reading(attempt, data[start:])
                    return
            received = body is None or body.done
            attempt.bytes_in += at - start
            attempt.received = received
            decided = attempt.decided
            if decided is None or decided.ending is None:
                segment = data if at == size and not start else data[start:at]
                if self._up.clear:
                    self._up.transport.write(segment)  # type: ignore[union-attr]  # clear says it is there
                else:
                    self._up.send(segment)
            start = at
            if received:
                self._receiving = None
                self._body = None
            else:
                self._receiving = attempt
                self._body = body
            if decided is not None or attempt.head.upgrades:  # type: ignore[union-attr]  # HTTP has a head
                self._after_special(attempt, received=received)
                if self._divert is not None and start < size:
                    self._divert(data[start:])
                    return
