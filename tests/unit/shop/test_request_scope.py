from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from target_services.chassis import correlation, problems
from target_services.chassis.draining import Draining
from target_services.chassis.metrics import ServiceMetrics
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from target_services.chassis.tracing import RunIdOnSpans
from tests.unit.shop.asgi import ask_once

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


ERRORS: dict[str, Exception] = {
    "bug": RuntimeError("boom"),
    "gone": Problem(410, "it is gone", slug="gone"),
    "timeout": CallFailed("a:b", "1", Outcome.TIMEOUT, attempts=1, may_have_acted=True),
    "hurried": CallFailed("a:b", "1", Outcome.DEADLINE, attempts=1, may_have_acted=True),
    "rejected": CallFailed("a:b", "1", Outcome.REJECTED_BREAKER, attempts=0, may_have_acted=False),
    "lost": CallFailed("a:b", "1", Outcome.CONNECTION_LOST, attempts=1, may_have_acted=True),
}


@dataclass
class Bench:
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
    draining: Draining = field(default_factory=Draining)
    seen: list[tuple[str | None, float]] = field(default_factory=list)

    def app(self, *, longest_s: float | None = None) -> RequestScope:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(RunIdOnSpans())
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        inner = FastAPI()
        problems.install(inner)

        @inner.get("/v1/things/{thing}")
        async def thing(thing: str) -> str:
            self.seen.append((correlation.current.get(), deadlines.current.get().remaining_s()))
            if thing in ERRORS:
                raise ERRORS[thing]
            return thing

        self.metrics.announce([("GET", "/v1/things/{thing}")])
        return RequestScope(
            inner,
            tracer=provider.get_tracer("test"),
            metrics=self.metrics,
            draining=self.draining,
            longest_s=longest_s,
        )

    def span(self) -> ReadableSpan:
        (span,) = self.exporter.get_finished_spans()
        return span

    def count(self, route: str, code: str) -> float | None:
        labels = {"method": "GET" if route != "other" else "other", "route": route, "code": code}
        return self.metrics.registry.get_sample_value("http_server_requests_total", labels)


def test_a_correlation_id_is_carried_and_answered() -> None:
    """The caller's id reaches the handler and comes back; without one, a new one does."""
    bench = Bench()
    reply = ask_once(bench.app(), "GET", "/v1/things/a", x_correlation_id="abc-1")
    assert reply.headers["x-correlation-id"] == "abc-1"
    fresh = ask_once(bench.app(), "GET", "/v1/things/a").headers["x-correlation-id"]
    assert [request for request, _ in bench.seen] == ["abc-1", fresh]


@pytest.mark.parametrize("evil", ["", "a b", "x" * 200, "a\tb", 'a"b'])
def test_a_correlation_id_that_could_spoil_logs_is_replaced(evil: str) -> None:
    """Blanks, quotes and very long words are not taken over."""
    assert correlation.accept(evil) != evil


def test_the_server_span_continues_the_callers_trace() -> None:
    """It has the caller's trace, its span as parent, the route in its name, and the run id."""
    bench = Bench()
    ask_once(bench.app(), "GET", "/v1/things/a", traceparent=TRACEPARENT, baggage="workbench.run.id=r1")
    span = bench.span()
    assert span.name == "GET /v1/things/{thing}"
    assert span.kind is SpanKind.SERVER
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}-{span.parent.span_id:016x}" == TRACEPARENT[3:-3]
    assert span.attributes is not None
    assert span.attributes["workbench.run.id"] == "r1"
    assert span.attributes["http.response.status_code"] == 200


@pytest.mark.parametrize(("flags", "kept"), [("01", True), ("00", False)])
def test_durations_lead_to_traces_that_are_kept(flags: str, kept: bool) -> None:
    """Whoever began a trace may not want it to be kept; then there is nothing to lead to."""
    bench = Bench()
    ask_once(bench.app(), "GET", "/v1/things/a", traceparent=TRACEPARENT[:-2] + flags)
    text = bench.metrics.render("application/openmetrics-text; version=1.0.0")[0].decode()
    assert kept == (f'# {{trace_id="{TRACEPARENT[3:35]}"}}' in text)
    assert bench.count("/v1/things/{thing}", "2xx") == 1


def test_requests_are_counted_by_template() -> None:
    """An address in the URL does not become a label; unknown routes are counted together."""
    bench = Bench()
    app = bench.app()
    for path in ("/v1/things/a", "/v1/things/b", "/v1/nothing"):
        ask_once(app, "GET", path)
    assert bench.count("/v1/things/{thing}", "2xx") == 2
    assert bench.count("other", "4xx") == 1
    assert bench.count("/v1/things/{thing}", "5xx") == 0


def test_operational_addresses_pass_by() -> None:
    """What is not below /v1 has no span and no count."""
    bench = Bench()
    assert ask_once(bench.app(), "GET", "/nothing").status == 404
    assert bench.exporter.get_finished_spans() == ()
    assert bench.count("other", "4xx") == 0


def test_the_deadline_header_becomes_the_deadline() -> None:
    """The handler sees what is left, and never more than the service allows."""
    bench = Bench()
    app = bench.app(longest_s=4.0)
    for offered in ("250", "60000", None):
        ask_once(app, "GET", "/v1/things/a", **({"x_deadline_ms": offered} if offered else {}))
    remaining = [seconds for _, seconds in bench.seen]
    assert 0.1 < remaining[0] <= 0.25
    assert 3 < remaining[1] <= 4
    assert 3 < remaining[2] <= 4


def test_work_for_nobody_is_refused() -> None:
    """A request whose deadline has passed gets 504 without reaching its handler."""
    bench = Bench()
    reply = ask_once(bench.app(), "GET", "/v1/things/a", x_deadline_ms="0")
    assert (reply.status, reply.json()["type"]) == (504, "urn:shop:problem:deadline-exceeded")
    assert bench.seen == []


def test_while_draining_clients_are_asked_to_leave() -> None:
    """Every answer closes its connection, so that none is open at the end."""
    bench = Bench()
    app = bench.app()
    assert "connection" not in ask_once(app, "GET", "/v1/things/a").headers
    bench.draining.begin()
    assert ask_once(app, "GET", "/v1/things/a").headers["connection"] == "close"


@pytest.mark.parametrize(
    ("thing", "status", "kind", "retry_after"),
    [
        ("gone", 410, "urn:shop:problem:gone", None),
        ("bug", 500, "about:blank", None),
        ("timeout", 504, "urn:shop:problem:upstream-timeout", "1"),
        ("hurried", 504, "urn:shop:problem:deadline-exceeded", "1"),
        ("rejected", 503, "urn:shop:problem:upstream-unavailable", "1"),
        ("lost", 502, "urn:shop:problem:upstream-failed", "1"),
    ],
)
def test_every_error_is_a_problem_document(thing: str, status: int, kind: str, retry_after: str | None) -> None:
    """Type, status and trace id; 503 only where the callee has certainly not acted."""
    bench = Bench()
    reply = ask_once(bench.app(), "GET", f"/v1/things/{thing}", traceparent=TRACEPARENT)
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status, reply.json()["status"], reply.json()["type"]) == (status, status, kind)
    assert reply.json()["trace_id"] == TRACEPARENT[3:35]
    assert reply.headers.get("retry-after") == retry_after
    assert "boom" not in reply.body


def test_a_failed_request_marks_its_span() -> None:
    """5xx is an error, 4xx is not."""
    bench = Bench()
    app = bench.app()
    ask_once(app, "GET", "/v1/things/bug")
    ask_once(app, "GET", "/v1/things/gone")
    assert [span.status.is_ok for span in bench.exporter.get_finished_spans()] == [False, True]
