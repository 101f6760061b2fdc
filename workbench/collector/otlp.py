"""Spans as OTLP sends them (protobuf over HTTP), turned into rows of `spans`. Times stay wall times."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from workbench.masking import MASKED, Masks
from workbench.rows import one_line

LONGEST_BODY = 64 * 1024 * 1024
"""After decompression."""

_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_TEXT_COLUMNS = ("workbench.edge", "workbench.call_id", "workbench.outcome", "workbench.fallback")
_ATTEMPT = "workbench.attempt"
_LONGEST_VALUE = 4096

Row = tuple[Any, ...]


class BadSpans(Exception):
    """The body is not what an OTLP exporter sends."""


class TooLarge(Exception):
    """The body is larger than any exporter makes it."""


def unzipped(body: bytes) -> bytes:
    """Undo gzip. Raises BadSpans where it is torn, and TooLarge instead of filling the memory."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, LONGEST_BODY + 1)
    except zlib.error as error:
        raise BadSpans(f"not gzip: {error}") from error
    if len(content) > LONGEST_BODY:
        raise TooLarge(f"more than {LONGEST_BODY} bytes after decompression")
    if not stream.eof:
        raise BadSpans("gzip stream is torn")
    return content


def parsed(body: bytes) -> ExportTraceServiceRequest:
    """Decode a body. Raises BadSpans."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise BadSpans(f"not an ExportTraceServiceRequest: {error}") from error
    return request


def rows(request: ExportTraceServiceRequest, masks: Masks) -> Iterator[Row | None]:
    """Yield one row per span, or None for a span without valid ids, which OTLP says to reject.

    Each span is masked in place before it becomes a row, so that the request may be passed on afterwards.
    """
    for resource in request.resource_spans:
        _mask_attributes(resource.resource.attributes, masks)
        service = _service(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                _mask_span(span, masks)
                if len(span.trace_id) != 16 or len(span.span_id) != 8:
                    yield None
                else:
                    yield _row(span, service)


def _mask_span(span: Any, masks: Masks) -> None:
    span.name = masks.text(span.name)
    _mask_attributes(span.attributes, masks)
    for event in span.events:
        event.name = masks.text(event.name)
        _mask_attributes(event.attributes, masks)
    for link in span.links:
        _mask_attributes(link.attributes, masks)
    if span.status.message:
        span.status.message = masks.text(span.status.message)


def _mask_attributes(pairs: Iterable[Any], masks: Masks) -> None:
    for pair in pairs:
        if masks.is_secret(pair.key):
            pair.value.string_value = MASKED
        else:
            _mask_value(pair.value, masks)


def _mask_value(value: Any, masks: Masks) -> None:
    match value.WhichOneof("value"):
        case "string_value":
            value.string_value = masks.text(value.string_value)
        case "array_value":
            for item in value.array_value.values:
                _mask_value(item, masks)
        case "kvlist_value":
            _mask_attributes(value.kvlist_value.values, masks)


def _row(span: Any, service: str) -> Row:
    attributes = _attributes(span.attributes)
    edge, call_id, outcome, fallback = (_text(attributes.pop(name, None)) for name in _TEXT_COLUMNS)
    attempt = attributes.get(_ATTEMPT)
    if isinstance(attempt, int):
        del attributes[_ATTEMPT]
    return (
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() or None,
        service,
        one_line(span.name),
        _KINDS[span.kind] if span.kind < len(_KINDS) else "internal",
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _STATUSES[span.status.code] if span.status.code < len(_STATUSES) else "unset",
        edge,
        call_id,
        attempt if isinstance(attempt, int) else None,
        outcome,
        fallback,
        json.dumps(attributes),
        json.dumps([_event(event) for event in span.events]) if span.events else None,
    )


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time": event.time_unix_nano, "attributes": _attributes(event.attributes)}


def _service(attributes: Iterable[Any]) -> str:
    names = (pair.value.string_value for pair in attributes if pair.key == "service.name")
    return one_line(next(names, "unknown_service"))


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    return _CONVERSIONS[kind](inner) if kind in _CONVERSIONS else inner


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string_value": lambda text: text[:_LONGEST_VALUE],
    "array_value": lambda array: [_value(item) for item in array.values],
    "kvlist_value": lambda pairs: _attributes(pairs.values),
    "bytes_value": lambda content: content.hex(),
    "double_value": lambda number: number if isfinite(number) else str(number),  # JSON has no word for it
}
"""Of values that JSON does not write as they are."""


def _text(value: Any) -> str | None:
    return None if value is None else one_line(str(value))
