"""Holds ended spans for a moment and sends them in batches from a thread of its own.

The SDK's batch processor drops spans silently, its flush ignores its own time limit, and its shutdown can
wait for half a minute. This one counts every span it loses, and neither flush nor shutdown waits longer than
asked.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_log = structlog.get_logger(__name__)


class SpanBuffer(SpanProcessor):
    """A bounded queue in front of an exporter. `on_dropped` is called with the number of spans lost."""

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        on_dropped: Callable[[int], None],
        capacity: int = 20_000,
        delay_s: float = 0.3,
        batch: int = 512,
    ) -> None:
        self._exporter = exporter
        self._on_dropped = on_dropped
        self._capacity = capacity
        self._delay_s = delay_s
        self._batch = batch
        self._waiting: deque[ReadableSpan] = deque()
        self._sending = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send_now_and_then, name="spans", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do: only ended spans are sent."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take an ended span. Never waits."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if len(self._waiting) >= self._capacity or self._stopped.is_set():
            self._on_dropped(1)
        else:
            self._waiting.append(span)

    def force_flush(self, timeout_millis: int = 2000) -> bool:
        """Send what was held when it was called. False when that could not be done in time."""
        until_s = time.monotonic() + timeout_millis / 1000
        if not self._sending.acquire(timeout=timeout_millis / 1000):
            return False
        try:
            return self._send(len(self._waiting), until_s)
        finally:
            self._sending.release()

    def shutdown(self) -> None:
        """Send what is held, within a second, and take no more."""
        self._stopped.set()
        self.force_flush(1000)
        if self._waiting:
            self._on_dropped(len(self._waiting))
        self._exporter.shutdown()

    def _send_now_and_then(self) -> None:
        while not self._stopped.wait(self._delay_s):
            with self._sending:
                self._send(len(self._waiting), time.monotonic() + 60)

    def _send(self, count: int, until_s: float) -> bool:
        while count > 0 and self._waiting and time.monotonic() < until_s:
            spans = [self._waiting.popleft() for _ in range(min(count, self._batch, len(self._waiting)))]
            count -= len(spans)
            if not self._exported(spans):
                self._on_dropped(len(spans))
        return count <= 0 or not self._waiting

    def _exported(self, spans: list[ReadableSpan]) -> bool:
        try:
            return self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - whatever an exporter does, the thread has to live and to count
            _log.exception("spans could not be exported")
            return False
