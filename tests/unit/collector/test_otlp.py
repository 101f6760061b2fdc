"""Spans from protobuf to rows."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from workbench.collector import otlp
from workbench.masking import Masks
from workbench.model.tables import SPANS


def _request(**attributes: str | bool | float) -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", "orders"
    span = resource.scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes(range(16)), bytes(range(8)), "pay"
    span.kind = Span.SPAN_KIND_CLIENT
    span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 5
    for key, value in attributes.items():
        pair = span.attributes.add()
        pair.key = key.replace("__", ".")
        match value:
            case bool():
                pair.value.bool_value = value
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value
            case str():
                pair.value.string_value = value
    return request, span


def _row(request: ExportTraceServiceRequest, masks: Masks | None = None) -> dict[str, Any]:
    (row,) = otlp.rows(request, masks or Masks())
    assert row is not None
    return dict(zip((column.name for column in SPANS.columns), row, strict=True))


def test_the_workbench_attributes_become_columns_and_the_rest_json() -> None:
    """Checks read columns; people read attributes."""
    request, span = _request(
        workbench__edge="orders:payments",
        workbench__call_id="0123456789abcdef",
        workbench__attempt=2,
        workbench__outcome="timeout",
        http__response__status_code=504,
        cached=True,
        ratio=0.5,
    )
    span.parent_span_id = bytes(8)[:-1] + b"\x01"
    span.status.code = 2

    row = _row(request)

    assert {"http.response.status_code": 504, "cached": True, "ratio": 0.5} == json.loads(row.pop("attributes"))
    assert row == {
        "trace_id": bytes(range(16)).hex(),
        "span_id": bytes(range(8)).hex(),
        "parent_span_id": "0000000000000001",
        "service": "orders",
        "name": "pay",
        "kind": "client",
        "started": 10**18,
        "ended": 10**18 + 5,
        "status": "error",
        "edge": "orders:payments",
        "call_id": "0123456789abcdef",
        "attempt": 2,
        "outcome": "timeout",
        "fallback": None,
        "events": None,
    }


def test_what_was_not_set_is_unknown() -> None:
    """A root span of a service without a name is still a span."""
    request, span = _request()
    del request.resource_spans[0].resource.attributes[:]
    span.kind = 0

    row = _row(request)

    assert (None, "unknown_service", "internal", "unset") == (
        row["parent_span_id"],
        row["service"],
        row["kind"],
        row["status"],
    )
    assert (None, None, None, None) == (row["edge"], row["attempt"], row["fallback"], row["events"])


def test_an_attempt_that_is_no_number_stays_an_attribute() -> None:
    """Foreign telemetry may use the same name for something else."""
    row = _row(_request(workbench__attempt="first")[0])
    assert (None, {"workbench.attempt": "first"}) == (row["attempt"], json.loads(row["attributes"]))


def test_events_lists_maps_and_odd_numbers_are_json() -> None:
    """Nothing that OTLP can say ends the collector, and every row stays one line."""
    request, span = _request(odd=float("nan"), lines="a\nb")
    event = span.events.add()
    event.name, event.time_unix_nano = "exception", 7
    stack = event.attributes.add()
    stack.key, stack.value.string_value = "stack", "one\ntwo"
    listed = span.attributes.add()
    listed.key = "listed"
    listed.value.array_value.values.add().int_value = 1
    inner = listed.value.array_value.values.add().kvlist_value.values.add()
    inner.key, inner.value.bytes_value = "raw", b"\x01"
    span.attributes.add().key = "nothing"

    row = _row(request)

    assert {"odd": "nan", "lines": "a\nb", "listed": [1, {"raw": "01"}], "nothing": None} == json.loads(
        row["attributes"]
    )
    assert [{"name": "exception", "time": 7, "attributes": {"stack": "one\ntwo"}}] == json.loads(row["events"])
    assert not any("\n" in str(value) for value in row.values())


def test_secrets_are_masked_in_attributes_events_and_names() -> None:
    """Nothing that is written holds them."""
    request, span = _request(authorization="Basic x", url="/pay?card=4111111111111111")
    span.name = "pay 4111111111111111"
    event = span.events.add().attributes.add()
    event.key, event.value.string_value = "message", "Bearer abcdefgh"

    written = str(_row(request, Masks([r"\d{16}"])))

    assert "4111111111111111" not in written
    assert "abcdefgh" not in written
    assert "Basic x" not in written


@pytest.mark.parametrize(("trace", "span"), [(b"", bytes(8)), (bytes(15), bytes(8)), (bytes(16), b"")])
def test_spans_without_valid_ids_are_rejected(trace: bytes, span: bytes) -> None:
    """OTLP counts them as rejected."""
    request, sent = _request()
    sent.trace_id, sent.span_id = trace, span
    assert [None] == list(otlp.rows(request, Masks()))


def test_gzip_is_undone_and_a_torn_or_huge_stream_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb must not fill the memory, and half a batch must not pass for a whole one."""
    zipped = gzip.compress(b"x" * 10_000)
    assert b"x" * 10_000 == otlp.unzipped(zipped)
    with pytest.raises(otlp.BadSpans, match="torn"):
        otlp.unzipped(zipped[:-9])
    with pytest.raises(otlp.BadSpans, match="not gzip"):
        otlp.unzipped(b"plain")
    monkeypatch.setattr(otlp, "LONGEST_BODY", 9_999)
    with pytest.raises(otlp.TooLarge):
        otlp.unzipped(zipped)


@given(st.binary(max_size=200))
def test_any_body_is_spans_or_refused(body: bytes) -> None:
    """Whatever is posted, no other exception comes out."""
    try:
        request = otlp.parsed(body)
    except otlp.BadSpans:
        return
    list(otlp.rows(request, Masks()))
