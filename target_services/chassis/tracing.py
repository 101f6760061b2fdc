"""Tracing of a service: one provider per process, W3C context, and the run id on every span."""

from __future__ import annotations

import asyncio

from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from prometheus_client import Counter

from target_services.chassis.logs import RUN_BAGGAGE
from target_services.chassis.span_buffer import SpanBuffer
from target_services.chassis.span_exporter import OtlpExporter

_EXPORT_TIMEOUT_S = 2.0
_TRACER = "shop"


def kept_trace(span: Span | trace.Span) -> str | None:
    """Return the id of the trace of a span in hex; None if whoever began the trace wants it not to be kept."""
    context = span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else None


class RunIdOnSpans(SpanProcessor):
    """Copies the run id from baggage to each span when it starts. Has to come before the exporter."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        run = baggage.get_baggage(RUN_BAGGAGE, parent_context)
        if isinstance(run, str):
            span.set_attribute(RUN_BAGGAGE, run)


class Tracing:
    """Spans of one process. Without an address to send to they only carry the context onwards."""

    def __init__(self, service: str, traces_to: str | None, dropped: Counter) -> None:
        self._provider = TracerProvider(
            sampler=DEFAULT_ON, resource=Resource({"service.name": service}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(RunIdOnSpans())
        self._buffer: SpanBuffer | None = None
        if traces_to is not None:
            exporter = OtlpExporter(traces_to, service=service, tracer=_TRACER, timeout_s=_EXPORT_TIMEOUT_S)
            self._buffer = SpanBuffer(exporter, on_dropped=dropped.inc)
            self._provider.add_span_processor(self._buffer)
        self.tracer = self._provider.get_tracer(_TRACER)

    async def flush(self, timeout_s: float = 2.0) -> bool:
        """Send all spans that have ended. False when that could not be done in time."""
        if self._buffer is None:
            return True
        return await asyncio.to_thread(self._buffer.force_flush, int(timeout_s * 1000))

    async def close(self) -> None:
        """Send what is left, within a second or so."""
        if self._buffer is not None:
            await asyncio.to_thread(self._buffer.shutdown)
