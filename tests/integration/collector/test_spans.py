"""Spans as exporters send them."""

from __future__ import annotations

import gzip
import os

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from tests.integration.collector.rig import Rig
from workbench.model.tables import SPANS


def _batch(count: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", "orders"
    scope = resource.scope_spans.add()
    for number in range(count):
        span = scope.spans.add()
        span.trace_id, span.span_id, span.name = os.urandom(16), number.to_bytes(8, "big"), "work"
        span.start_time_unix_nano = span.end_time_unix_nano = 10**18
        for key in ("http.route", "workbench.edge", "workbench.call_id"):
            attribute = span.attributes.add()
            attribute.key, attribute.value.string_value = key, "x"
    return request.SerializeToString()


def test_the_sdk_s_own_exporter_is_understood(rig: Rig) -> None:
    """A service with nothing but OpenTelemetry's SDK can be observed."""
    rig.client.start_recording(rig.raw, "run-1")
    provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{rig.port}/v1/traces", timeout=20)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with (
        tracer.start_as_current_span("checkout", kind=SpanKind.SERVER) as parent,
        tracer.start_as_current_span("pay", attributes={"workbench.edge": "orders:payments", "workbench.attempt": 1}),
    ):
        pass
    provider.shutdown()
    end = rig.client.stop_recording()

    assert 2 == end.rows["spans"]
    columns = [column.name for column in SPANS.columns]
    pay, checkout = (dict(zip(columns, row, strict=True)) for row in rig.rows("spans"))
    assert ("orders", "pay", "orders:payments", "1") == (pay["service"], pay["name"], pay["edge"], pay["attempt"])
    assert (pay["trace_id"], pay["parent_span_id"]) == (checkout["trace_id"], checkout["span_id"])
    assert format(parent.get_span_context().trace_id, "032x") == checkout["trace_id"]
    assert ("server", "") == (checkout["kind"], checkout["parent_span_id"])


@pytest.mark.parametrize("zipped", [False, True])
def test_fifty_thousand_spans_at_once_are_all_kept(rig: Rig, *, zipped: bool) -> None:
    """And the collector answers others meanwhile."""
    rig.client.start_recording(rig.raw, "run-1")
    body = _batch(50_000)

    status, answer = rig.send_spans(
        gzip.compress(body, 1) if zipped else body, **({"Content_Encoding": "gzip"} if zipped else {})
    )

    assert 200 == status
    assert 0 == ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    assert (50_000, 0) == (rig.client.recording().rows["spans"], rig.client.recording().dropped["spans"])


def test_spans_without_a_recording_are_nobody_s(rig: Rig) -> None:
    """They are taken, forgotten, and not counted as dropped."""
    assert 200 == rig.send_spans(_batch(3))[0]
    rig.client.start_recording(rig.raw, "run-1")
    rig.send_spans(_batch(2))
    end = rig.client.stop_recording()

    assert (2, 0) == (end.rows["spans"], end.dropped["spans"])


def test_spans_without_ids_are_rejected_one_by_one(rig: Rig) -> None:
    """The good ones of the same batch are kept, and the exporter is told."""
    rig.client.start_recording(rig.raw, "run-1")
    request = ExportTraceServiceRequest.FromString(_batch(3))
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b"short"

    status, answer = rig.send_spans(request.SerializeToString())

    assert 200 == status
    assert 1 == ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    assert 2 == rig.client.recording().rows["spans"]


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, b"\xff\xff\xff", {}),
        (400, _batch(3)[:-5], {}),
        (400, gzip.compress(_batch(3))[:-9], {"Content_Encoding": "gzip"}),
        (400, b"plain", {"Content_Encoding": "gzip"}),
        (400, b"", {"Content_Encoding": "zstd"}),
        (413, gzip.compress(bytes(70_000_000), 1), {"Content_Encoding": "gzip"}),
        (413, bytes(70_000_000), {}),
        (415, b"{}", {"Content_Type": "application/json"}),
    ],
    ids=["garbage", "torn", "torn gzip", "not gzip", "zstd", "bomb", "huge", "json"],
)
def test_what_is_not_spans_is_refused(rig: Rig, status: int, body: bytes, headers: dict[str, str]) -> None:
    """With a status that says why; the collector goes on."""
    rig.client.start_recording(rig.raw, "run-1")
    try:
        assert status == rig.send_spans(body, **headers)[0]
    except ConnectionError:  # refused before the whole body was sent
        assert 413 == status
    assert rig.client.health().ok
    rig.send_spans(_batch(1))
    assert 1 == rig.client.recording().rows["spans"]
