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
    """Yield one row per span, or None for a span without valid ids, which OTLP says to reject."""
    for resource in request.resource_spans:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8:
                    yield None
                else:
                    yield _row(span, service, masks)


def _row(span: Any, service: str, masks: Masks) -> Row:
    attributes = _attributes(span.attributes, masks)
    edge, call_id, outcome, fallback = (_text(attributes.pop(name, None)) for name in _TEXT_COLUMNS)
    attempt = attributes.get(_ATTEMPT)
    if isinstance(attempt, int):
        del attributes[_ATTEMPT]
    return (
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() or None,
        service,
        one_line(masks.text(span.name)),
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
        json.dumps([_event(event, masks) for event in span.events]) if span.events else None,
    )


def _event(event: Any, masks: Masks) -> dict[str, Any]:
    return {
        "name": masks.text(event.name),
        "time": event.time_unix_nano,
        "attributes": _attributes(event.attributes, masks),
    }


def _service(attributes: Iterable[Any]) -> str:
    names = (pair.value.string_value for pair in attributes if pair.key == "service.name")
    return one_line(next(names, "unknown_service"))


def _attributes(pairs: Iterable[Any], masks: Masks) -> dict[str, Any]:
    return {pair.key: MASKED if masks.is_secret(pair.key) else _value(pair.value, masks) for pair in pairs}


def _value(value: Any, masks: Masks) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    return _CONVERSIONS[kind](inner, masks) if kind in _CONVERSIONS else inner


_CONVERSIONS: dict[str, Callable[[Any, Masks], Any]] = {
    "string_value": lambda text, masks: masks.text(text)[:_LONGEST_VALUE],
    "array_value": lambda array, masks: [_value(item, masks) for item in array.values],
    "kvlist_value": lambda pairs, masks: _attributes(pairs.values, masks),
    "bytes_value": lambda content, _: content.hex(),
    "double_value": lambda number, _: number if isfinite(number) else str(number),  # JSON has no word for it
}
"""Of values that JSON does not write as they are."""


def _text(value: Any) -> str | None:
    return None if value is None else one_line(str(value))
