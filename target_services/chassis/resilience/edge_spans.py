"""Spans of one edge: one per logical call, one per attempt below it, one around a fallback.

Trace and baggage go out with every attempt, so that the callee's spans hang below the attempt that caused
them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from target_services.chassis.resilience.outcomes import CallFailed, Outcome

_GOOD = frozenset({Outcome.OK, Outcome.CLIENT_ERROR})


class CallSpan:
    """A logical call in progress."""

    __slots__ = ("_attributes", "_context", "_edge", "_span", "_tracer", "attempts", "id", "may_have_acted")

    def __init__(self, tracer: Tracer, edge: str) -> None:
        self.id = secrets.token_hex(8)
        self.attempts = 0
        self.may_have_acted = False
        self._tracer = tracer
        self._edge = edge
        self._attributes = {"workbench.edge": edge, "workbench.call_id": self.id}
        self._span = tracer.start_span(f"call {edge}", attributes=self._attributes)
        self._context = trace.set_span_in_context(self._span)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this the span of what happens inside: decisions and log lines belong to the call."""
        token = otel_context.attach(self._context)
        try:
            yield
        finally:
            otel_context.detach(token)

    def start_attempt(self, method: str, attributes: Mapping[str, str]) -> AttemptSpan:
        """Begin the next attempt."""
        self.attempts += 1
        span = self._tracer.start_span(
            f"{method} {self._edge}",
            self._context,
            SpanKind.CLIENT,
            {
                **self._attributes,
                "workbench.attempt": self.attempts,
                **attributes,
            },
        )
        return AttemptSpan(span, self._context)

    def end(self, outcome: Outcome) -> None:
        """End the call."""
        _end(self._span, outcome)


class AttemptSpan:
    """An attempt in progress."""

    __slots__ = ("_context", "_span")

    def __init__(self, span: Span, context: Context) -> None:
        self._span = span
        self._context = context

    def inject(self, headers: dict[str, str]) -> None:
        """Add what makes the callee's spans children of this attempt."""
        propagate.inject(headers, trace.set_span_in_context(self._span, self._context))

    def end(self, outcome: Outcome, status: int | None) -> None:
        """End the attempt."""
        _end(self._span, outcome, status)


def _end(span: Span, outcome: Outcome, status: int | None = None) -> None:
    attributes: dict[str, str | int] = {"workbench.outcome": outcome.value}
    if status is not None:
        attributes["http.response.status_code"] = status
    span.set_attributes(attributes)
    if outcome not in _GOOD:
        span.set_status(StatusCode.ERROR, outcome.value)
    span.end()


@contextmanager
def fallback_span(tracer: Tracer, kind: str, failure: CallFailed) -> Iterator[None]:
    """Mark everything inside as the fallback of a failed call."""
    span = tracer.start_span(
        f"fallback {kind}",
        attributes={
            "workbench.edge": failure.edge,
            "workbench.call_id": failure.call_id,
            "workbench.fallback": kind,
        },
    )
    token = otel_context.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        otel_context.detach(token)
        span.end()
