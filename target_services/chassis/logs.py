"""Structured logs: one JSON object per line on stdout, tied to trace, run and request.

Writing a log line never fails a request: when stdout cannot be written, the line is lost.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO

import structlog
from opentelemetry import baggage, trace
from structlog.typing import EventDict, Processor, WrappedLogger

from target_services.chassis import correlation

RUN_BAGGAGE = "workbench.run.id"
"""Baggage key that says which experiment a request belongs to."""


class _Lines:
    """Writes whole lines to a stream and forgives it when it cannot take them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = log = msg


def configure(service: str, level: str, stream: TextIO | None = None) -> None:
    """Set up structlog, and the standard library's logging behind it, for this process."""
    lines = _Lines(stream if stream is not None else sys.stdout)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _Ties(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Ties:
    """Adds what ties a line to the rest: service, trace, run and correlation id."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
            event["span_id"] = f"{context.span_id:016x}"
        if run := baggage.get_baggage(RUN_BAGGAGE):
            event["run_id"] = run
        if (request := correlation.current.get()) is not None:
            event["correlation_id"] = request
        return event


class _Handler(logging.Handler):
    """Sends the standard library's records to the same lines."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.msg(self.format(record))
