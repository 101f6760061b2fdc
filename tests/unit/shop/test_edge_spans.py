from __future__ import annotations

import asyncio

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from tests.unit.shop.edges import Bench, answer, failed, outcomes


def _ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_attempts_are_children_of_their_call_and_numbered() -> None:
    """One call span, one client span per attempt below it, all with the same call id."""
    bench = Bench(failed(), answer())
    asyncio.run(bench.ask())
    (call,) = bench.spans(attempts=False)
    attempts = bench.spans(attempts=True)
    assert [(span.attributes or {})["workbench.attempt"] for span in attempts] == [1, 2]
    assert outcomes(attempts) == ["server_error", "ok"]
    assert outcomes([call]) == ["ok"]
    for span in attempts:
        assert span.kind is SpanKind.CLIENT
        assert span.parent is not None
        assert span.parent.span_id == _ids(call)[1]
        assert (span.attributes or {})["workbench.call_id"] == (call.attributes or {})["workbench.call_id"]


def test_what_goes_out_is_the_attempt_and_the_baggage() -> None:
    """The callee's spans hang below the attempt; the run id travels with them."""
    bench = Bench(answer())

    async def within_a_run() -> None:
        token = otel_context.attach(baggage.set_baggage("workbench.run.id", "r1"))
        await bench.ask()
        otel_context.detach(token)

    asyncio.run(within_a_run())
    (attempt,) = bench.spans(attempts=True)
    trace_id, span_id = _ids(attempt)
    headers = bench.wire.sent[0][1]
    assert headers["traceparent"].split("-")[1:3] == [f"{trace_id:032x}", f"{span_id:016x}"]
    assert headers["baggage"] == "workbench.run.id=r1"


def test_statuses_and_errors_are_on_the_spans() -> None:
    """An attempt tells its HTTP status, a failed one is an error, a 4xx is none."""
    bench = Bench(failed(Outcome.SERVER_ERROR, status=503), answer(404))
    asyncio.run(bench.ask())
    attempts = bench.spans(attempts=True)
    assert [(span.attributes or {})["http.response.status_code"] for span in attempts] == [503, 404]
    assert [span.status.is_ok for span in attempts] == [False, True]


def test_a_rejected_call_has_a_span_and_no_attempt() -> None:
    """What the breaker kept back can be counted from spans alone."""
    bench = Bench(failed(), attempts=1, breaker=BreakerPolicy(failures=1, window=1, reset_s=60))
    for _ in range(2):
        with pytest.raises(CallFailed):
            asyncio.run(bench.ask())
    assert outcomes(bench.spans(attempts=False)) == ["server_error", "rejected_breaker"]
    assert len(bench.spans(attempts=True)) == 1


def test_all_label_sets_exist_from_the_start() -> None:
    """Before any call every counter of the edge is there, at 0."""
    bench = Bench(answer())
    for outcome in Outcome:
        assert bench.count("edge_calls_total", outcome=outcome.value) == 0
    for to in ("closed", "half_open", "open"):
        assert bench.count("breaker_transitions_total", to=to) == 0
    for name in ("breaker_state", "bulkhead_rejected_total", "retry_budget_exhausted_total"):
        assert bench.count(name) == 0
