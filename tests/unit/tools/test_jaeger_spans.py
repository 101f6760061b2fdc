"""Spans as Jaeger answers them become the rows that the collector makes of the same spans."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from workbench.adapters.jaeger.spans import rows
from workbench.collector import otlp
from workbench.masking import Masks

ANSWER: dict[str, Any] = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "shop"},
                    "spans": [
                        {
                            "traceId": bytes(range(16)).hex(),
                            "spanId": bytes(range(8)).hex(),
                            "parentSpanId": bytes(range(8, 16)).hex(),
                            "flags": 256,
                            "name": "POST orders:payments",
                            "kind": 3,
                            "startTimeUnixNano": "1795364254894084406",
                            "endTimeUnixNano": "1795364254905438156",
                            "attributes": [
                                {"key": "workbench.edge", "value": {"stringValue": "orders:payments"}},
                                {"key": "workbench.call_id", "value": {"stringValue": "986a9f08eb67ba96"}},
                                {"key": "workbench.attempt", "value": {"intValue": "2"}},
                                {"key": "workbench.outcome", "value": {"stringValue": "timeout"}},
                                {"key": "late", "value": {"boolValue": True}},
                                {"key": "share", "value": {"doubleValue": 0.5}},
                                {"key": "tags", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
                                {
                                    "key": "more",
                                    "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}},
                                },
                                {"key": "nothing", "value": {}},
                                {"key": "@jaeger@warnings", "value": {"arrayValue": {"values": []}}},
                            ],
                            "events": [
                                {
                                    "timeUnixNano": "1795364254900000000",
                                    "name": "retry",
                                    "attributes": [{"key": "wait_ms", "value": {"intValue": "50"}}],
                                }
                            ],
                            "status": {"code": 2, "message": "too late"},
                        },
                        {
                            "traceId": "ab" * 16,
                            "spanId": "cd" * 8,
                            "startTimeUnixNano": "1",
                            "endTimeUnixNano": "2",
                            "status": {},
                        },
                    ],
                }
            ],
        }
    ]
}


def same_by_protobuf() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", "orders"
    scope = resource.scope_spans.add()
    span = scope.spans.add()
    span.trace_id, span.span_id, span.parent_span_id = bytes(range(16)), bytes(range(8)), bytes(range(8, 16))
    span.name, span.kind = "POST orders:payments", Span.SPAN_KIND_CLIENT
    span.start_time_unix_nano, span.end_time_unix_nano = 1795364254894084406, 1795364254905438156
    span.status.code = Status.STATUS_CODE_ERROR
    for key, kind, value in (
        ("workbench.edge", "string_value", "orders:payments"),
        ("workbench.call_id", "string_value", "986a9f08eb67ba96"),
        ("workbench.attempt", "int_value", 2),
        ("workbench.outcome", "string_value", "timeout"),
        ("late", "bool_value", True),
        ("share", "double_value", 0.5),
    ):
        pair = span.attributes.add()
        pair.key = key
        setattr(pair.value, kind, value)
    tags = span.attributes.add()
    tags.key = "tags"
    tags.value.array_value.values.add().int_value = 1
    more = span.attributes.add()
    more.key = "more"
    inner = more.value.kvlist_value.values.add()
    inner.key, inner.value.string_value = "a", "b"
    span.attributes.add().key = "nothing"
    event = span.events.add()
    event.name, event.time_unix_nano = "retry", 1795364254900000000
    wait = event.attributes.add()
    wait.key, wait.value.int_value = "wait_ms", 50
    bare = scope.spans.add()
    bare.trace_id, bare.span_id = bytes.fromhex("ab" * 16), bytes.fromhex("cd" * 8)
    bare.start_time_unix_nano, bare.end_time_unix_nano = 1, 2
    return request


def test_rows_are_those_of_the_collector() -> None:
    assert list(otlp.rows(same_by_protobuf(), Masks())) == list(rows(ANSWER))


def test_attributes_that_are_no_columns_are_json() -> None:
    first, _ = rows(ANSWER)
    assert {"late": True, "share": 0.5, "tags": [1], "more": {"a": "b"}, "nothing": None} == json.loads(first[14])


def test_an_empty_answer_has_no_rows() -> None:
    assert [] == list(rows({}))
    assert [] == list(rows({"resourceSpans": [{"scopeSpans": [{}]}]}))
