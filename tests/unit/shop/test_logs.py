from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from target_services.chassis import correlation, logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("orders", "info", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_tied_to_trace_run_and_request(stream: io.StringIO) -> None:
    """Trace id, span id, run id and correlation id are on it without the caller's doing."""
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
    context = baggage.set_baggage("workbench.run.id", "r1", trace.set_span_in_context(span))
    token, request = otel_context.attach(context), correlation.current.set("c-1")
    structlog.get_logger("test").info("order placed", order="o1", text="two\nlines")
    otel_context.detach(token)
    correlation.current.reset(request)
    (line,) = _lines(stream)
    assert line["event"] == "order placed"
    assert line["service"] == "orders"
    assert (line["trace_id"], line["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert (line["run_id"], line["correlation_id"]) == ("r1", "c-1")


def test_outside_a_request_nothing_is_made_up(stream: io.StringIO) -> None:
    """No ids where there are none."""
    structlog.get_logger("test").info("started")
    (line,) = _lines(stream)
    assert not {"trace_id", "run_id", "correlation_id"} & set(line)


def test_the_standard_library_speaks_json_too(stream: io.StringIO) -> None:
    """Warnings of libraries come in the same form, with their traceback in the line."""
    try:
        json.loads("boom")
    except ValueError:
        logging.getLogger("some.library").exception("it broke")
    (line,) = _lines(stream)
    assert (line["event"], line["level"]) == ("it broke", "error")
    assert "JSONDecodeError" in line["exception"]


def test_a_full_disk_does_not_fail_a_request() -> None:
    """A line that cannot be written is lost, and nothing is raised."""

    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    logs.configure("orders", "info", Full())
    structlog.get_logger("test").info("order placed")
    structlog.reset_defaults()
