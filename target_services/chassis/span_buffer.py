"""Holds ended spans for a moment and sends them in batches from a thread of its own.

The SDK's batch processor drops spans silently, its flush ignores its own time limit, and its shutdown can
wait for half a minute. This one counts every span it loses, and neither flush nor shutdown waits longer than
asked. What it holds is encoded already: one object for each span, where the SDK's are a dozen, which the garbage
collector would look through again and again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from opentelemetry.context import Context
from opentelemetry.proto.trace.v1 import trace_pb2 as otlp
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from target_services.chassis.span_encoding import encoded

_log = structlog.get_logger(__name__)


class Exporter(Protocol):
    """Sends spans that are encoded."""

    def export(self, spans: Sequence[otlp.Span], /) -> bool:
        """Tell whether they were accepted."""

    def close(self) -> None:
        """Nothing comes after this."""


class SpanBuffer(SpanProcessor):
    """A bounded queue in front of an exporter. `on_dropped` is called with the number of spans lost."""

    def __init__(
        self,
        exporter: Exporter,
        *,
        on_dropped: Callable[[int], None],
        capacity: int = 20_000,
        delay_s: float = 0.4,
        batch: int = 512,
    ) -> None:
        self._exporter = exporter
        self._on_dropped = on_dropped
        self._capacity = capacity
        self._delay_s = delay_s
        self._batch = batch
        self._waiting: deque[otlp.Span] = deque()
        self._flushes: deque[threading.Event] = deque()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._send_now_and_then, name="spans", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do: only ended spans are sent."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take an ended span. Never waits."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if len(self._waiting) >= self._capacity or self._stopped:
            self._on_dropped(1)
        else:
            self._waiting.append(encoded(span))

    def force_flush(self, timeout_millis: int = 2000) -> bool:
        """Have everything sent that is held now. False when that was not done in time."""
        sent = threading.Event()
        self._flushes.append(sent)
        self._wake.set()
        return sent.wait(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Take no more, and send what is held, within a second."""
        self._stopped = True
        self._wake.set()
        self._thread.join(1.0)
        if lost := len(self._waiting):
            self._on_dropped(lost)
        self._exporter.close()

    def _send_now_and_then(self) -> None:
        stopped = False
        while not stopped:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            stopped = self._stopped
            flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
            self._send(len(self._waiting))
            for sent in flushes:
                sent.set()

    def _send(self, count: int) -> None:
        while count > 0:
            spans = [self._waiting.popleft() for _ in range(min(count, self._batch))]
            count -= len(spans)
            if not self._exported(spans):
                self._on_dropped(len(spans))

    def _exported(self, spans: list[otlp.Span]) -> bool:
        try:
            return self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - whatever an exporter does, the thread has to live and to count
            _log.exception("spans could not be exported")
            return False
