from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from target_services.chassis.span_encoding import encoded, request

_FROM_AFAR = TraceContextTextMapPropagator().extract({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
_WITH_STATE = TraceContextTextMapPropagator().extract(
    {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": TraceState([("vendor", "said")]).to_header()}
)


def _spans() -> list[ReadableSpan]:
    """Return a span of each shape there is."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource({"service.name": "orders"}),
        span_limits=SpanLimits(max_span_attributes=5, max_events=3),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("shop")
    for kind in SpanKind:
        tracer.start_span(f"of kind {kind.name}", kind=kind).end()
    with tracer.start_as_current_span("root", attributes={"text": "ä", "number": 7, "share": 0.3, "yes": True}) as root:
        tracer.start_span("child", attributes={"number": 7.0, "one": 1, "yes": 1, "empty": ""}).end()
    with tracer.start_as_current_span("retried") as retried:
        retried.add_event("admitted")
        retried.add_event("retry", {"attempt": 2, "why": "timeout"})
        retried.add_event("with a list", {"some": ["a", "b"]})
    tracer.start_span("called", _FROM_AFAR).end()
    tracer.start_span("called with state", _WITH_STATE).end()
    tracer.start_span("linked", links=[Link(root.get_span_context(), {"why": "a message"})]).end()
    tracer.start_span("lists", attributes={"some": ["a", "b"], "none": ()}).end()
    many = tracer.start_span("too many", attributes={str(number): number for number in range(9)})
    for number in range(9):
        many.add_event(str(number))
    many.end()
    failed = tracer.start_span("failed", set_span_in_context(root))
    failed.set_status(StatusCode.ERROR, "timeout")
    failed.end()
    fine = tracer.start_span("fine")
    fine.set_status(StatusCode.OK)
    fine.end()
    return list(kept.get_finished_spans())


def _by_us(spans: list[ReadableSpan]) -> bytes:
    return request([encoded(span) for span in spans], service="orders", tracer="shop")


def test_the_bytes_are_those_of_the_sdk() -> None:
    spans = _spans()

    assert _by_us(spans) == encode_spans(spans).SerializeToString()
    assert [_by_us([span]) for span in spans] == [encode_spans([span]).SerializeToString() for span in spans]


def test_values_that_are_equal_but_of_another_type_stay_apart() -> None:
    """1, 1.0 and True are the same key of a dict."""
    spans = [span for span in _spans() if span.name in ("root", "child")][::-1]

    assert _by_us(spans) == encode_spans(spans).SerializeToString()
