"""What surrounds every request: correlation, deadline, server span, RED metrics, draining. One ASGI layer.

All of it costs as much CPU as FastAPI's built-in tracing alone, and half of the contrib middleware
(docs/adr/0007-own-circuit-breaker.md). Operational addresses (health, metrics, audit) pass by it untouched: they
are asked every second and are nobody's request.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import structlog
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_services.chassis import correlation
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.draining import Draining
from target_services.chassis.metrics import OTHER, ServiceMetrics
from target_services.chassis.problems import Problem, database_failed
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.tracing import kept_trace

_log = structlog.get_logger(__name__)


class RequestScope:
    """The outermost layer of a service. Only paths below `prefix` are requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tracer: Tracer,
        metrics: ServiceMetrics,
        draining: Draining,
        has_begun: Callable[[], bool] = lambda: True,
        prefix: str = "/v1",
        longest_s: float | None = None,
    ) -> None:
        """`longest_s`: deadline of requests that bring none; no request gets more than this.

        While `has_begun` says no, requests are told to come back: the service has not found its database yet.
        """
        self.app = app
        self._tracer = tracer
        self._metrics = metrics
        self.draining = draining
        self._has_begun = has_begun
        self._prefix = prefix
        self._longest_s = longest_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answer = _Answer(send, correlation.accept(headers.get(correlation.HEADER)), self.draining)
        started_s = time.monotonic()
        self._metrics.active.inc()
        with self._span(scope, headers) as span, carried(answer.correlation_id, self._deadline(headers)):
            try:
                await self._answer(scope, receive, answer)
            finally:
                self._metrics.active.dec()
                self._conclude(scope, span, answer.status, time.monotonic() - started_s)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if deadlines.current.get().has_passed():
            refusal = Problem(504, "the caller's deadline has passed", slug=deadlines.SLUG).response()
            await refusal(scope, receive, answer)
            return
        if not self._has_begun():
            await database_failed(DatabaseUnavailable(Cause.AWAY)).response()(scope, receive, answer)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception:  # noqa: BLE001 - the framework has answered it; here it is written down
            _log.exception("request failed", method=scope["method"], path=scope["path"])

    def _deadline(self, headers: dict[str, str]) -> Deadline:
        offered_s = deadlines.from_header(headers.get(deadlines.HEADER))
        limits_s = [s for s in (offered_s, self._longest_s) if s is not None]
        return Deadline.after(min(limits_s)) if limits_s else deadlines.NEVER

    @contextlib.contextmanager
    def _span(self, scope: Scope, headers: dict[str, str]) -> Iterator[Span]:
        parent = propagate.extract(headers)
        span = self._tracer.start_span(
            scope["method"],
            parent,
            SpanKind.SERVER,
            {"http.request.method": scope["method"], "url.path": scope["path"]},
        )
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        try:
            yield span
        finally:
            otel_context.detach(token)
            span.end()

    def _conclude(self, scope: Scope, span: Span, status: int, seconds: float) -> None:
        method, route = scope["method"], getattr(scope.get("route"), "path", OTHER)
        if span.is_recording():
            span.update_name(f"{method} {route}")
            span.set_attributes({"http.route": route, "http.response.status_code": status})
            if status >= 500:
                span.set_status(StatusCode.ERROR, str(status))
        self._metrics.request_ended(method, route, status, seconds, kept_trace(span))


class _Answer:
    """Passes an answer on, adds what every answer carries, and remembers its status."""

    __slots__ = ("_draining", "_send", "correlation_id", "status")

    def __init__(self, send: Send, correlation_id: str, draining: Draining) -> None:
        self._send = send
        self._draining = draining
        self.correlation_id = correlation_id
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message["headers"],
                (correlation.HEADER.encode(), self.correlation_id.encode()),
                *([(b"connection", b"close")] if self._draining.begun else []),
            ]
        await self._send(message)


@contextlib.contextmanager
def carried(correlation_id: str, deadline: Deadline) -> Iterator[None]:
    """Work under this correlation id and this deadline."""
    token = correlation.current.set(correlation_id)
    with deadlines.apply(deadline):
        try:
            yield
        finally:
            correlation.current.reset(token)
