"""OTLP's JSON, as Jaeger answers it, turned into rows of spans. Ids are hex, and 64-bit numbers are text there.

The same columns as workbench.collector.otlp makes of protobuf; read straight, because going through protobuf takes
ten times as long.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.rows import one_line

Row = tuple[Any, ...]

_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_TEXT_COLUMNS = ("workbench.edge", "workbench.call_id", "workbench.outcome", "workbench.fallback")
_ATTEMPT = "workbench.attempt"
_REMARKS = "@jaeger@"
"""Attributes that Jaeger adds of its own accord, such as that it would have moved a clock."""


def rows(answer: Mapping[str, Any]) -> Iterator[Row]:
    """Yield one row per span of an answer."""
    for resource in answer.get("resourceSpans", ()):
        service = str(_attributes(resource.get("resource", {}).get("attributes", ())).get("service.name", "unknown"))
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield _row(span, one_line(service))


def _row(span: Mapping[str, Any], service: str) -> Row:
    """Return a span as a row. JSON of protocol buffers leaves out what is 0: kind and status unspecified."""
    attributes = _attributes(span.get("attributes", ()))
    edge, call_id, outcome, fallback = (_text(attributes.pop(name, None)) for name in _TEXT_COLUMNS)
    attempt = attributes.get(_ATTEMPT)
    if isinstance(attempt, int):
        del attributes[_ATTEMPT]
    return (
        span["traceId"],
        span["spanId"],
        span.get("parentSpanId") or None,
        service,
        one_line(span.get("name", "")),
        _KINDS[span.get("kind", 0)],
        int(span["startTimeUnixNano"]),
        int(span["endTimeUnixNano"]),
        _STATUSES[span.get("status", {}).get("code", 0)],
        edge,
        call_id,
        attempt if isinstance(attempt, int) else None,
        outcome,
        fallback,
        json.dumps(attributes),
        json.dumps([_event(event) for event in span["events"]]) if span.get("events") else None,
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": event.get("name", ""),
        "time": int(event["timeUnixNano"]),
        "attributes": _attributes(event.get("attributes", ())),
    }


def _attributes(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in pairs if not pair["key"].startswith(_REMARKS)}


def _value(value: Mapping[str, Any]) -> Any:
    for kind, inner in value.items():
        match kind:
            case "intValue":
                return int(inner)
            case "arrayValue":
                return [_value(item) for item in inner.get("values", ())]
            case "kvlistValue":
                return _attributes(inner.get("values", ()))
            case _:
                return inner
    return None


def _text(value: Any) -> str | None:
    return None if value is None else one_line(str(value))
