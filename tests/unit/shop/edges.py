"""An edge on a wire that says what the test wants it to say."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from target_services.chassis.resilience.breaker import Breaker, BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.bulkhead import Bulkhead
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.edge_decisions import EdgeDecisions
from target_services.chassis.resilience.edge_metrics import EdgeFamilies, EdgeMetrics
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.outcomes import TRANSIENT, AttemptFailed, Outcome
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.resilience.wire import Answer, Call, Wire

Step = Answer | AttemptFailed | Callable[[], Awaitable[Answer]]


def answer(status: int = 200, body: object = None, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(body if body is not None else {}).encode())


def failed(outcome: Outcome = Outcome.SERVER_ERROR, **details: float) -> AttemptFailed:
    return AttemptFailed(outcome, **details)  # type: ignore[arg-type]


async def never() -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


class FakeWire:
    """Plays its script, and repeats the last step of it."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.sent: list[tuple[Call, Mapping[str, str]]] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    def attributes(self, call: Call) -> dict[str, str]:
        return {"url.full": f"fake://callee{call.path}"}

    async def exchange(self, call: Call, headers: Mapping[str, str]) -> Answer:
        self.sent.append((call, dict(headers)))
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, AttemptFailed):
            raise step
        return step if isinstance(step, Answer) else await step()


class Bench:
    """An edge with its wire, spans and metrics at hand."""

    def __init__(
        self,
        *script: Step,
        name: str = "orders:payments",
        attempts: int = 3,
        timeout_s: float = 5.0,
        breaker: BreakerPolicy | None = None,
        bulkhead: int = 10,
        budget: RetryBudget | None = None,
        hedge: Hedge | None = None,
        retry_on: frozenset[Outcome] = TRANSIENT,
    ) -> None:
        self.wire = FakeWire(*script)
        wire: Wire = self.wire
        self.registry = CollectorRegistry()
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        metrics = EdgeMetrics(EdgeFamilies(self.registry), name, "plan-b")
        decided = EdgeDecisions(name, metrics)
        self.edge = Edge(
            name,
            wire,
            timeout_s=timeout_s,
            retry=Retry(
                attempts=attempts,
                budget=budget if budget is not None else RetryBudget(per_call=10, burst=100),
                backoff=Backoff(first_s=0.0002, most_s=0.0004),
                rng=random.Random(1),
            ),
            breaker=Breaker(breaker or BreakerPolicy(failures=20, window=20), observer=decided),
            bulkhead=Bulkhead(bulkhead),
            fallback="plan-b",
            hedge=hedge,
            retry_on=retry_on,
            tracer=provider.get_tracer("test"),
            metrics=metrics,
            decided=decided,
        )

    async def ask(self, call: Call | None = None, **options: object) -> object:
        """Make a call that reads the whole body."""
        return await self.edge.call(call or Call("GET", "/thing"), Answer.json, **options)  # type: ignore[arg-type]

    def count(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"workbench_{name}", {"edge": self.edge.name, **labels})
        assert value is not None, f"there is no {name} with {labels}"
        return value

    def spans(self, *, attempts: bool) -> list[ReadableSpan]:
        """Return spans of attempts, or all others, in the order in which they ended."""
        spans = self.exporter.get_finished_spans()
        return [span for span in spans if ("workbench.attempt" in (span.attributes or {})) is attempts]


def outcomes(spans: list[ReadableSpan]) -> list[object]:
    return [(span.attributes or {}).get("workbench.outcome") for span in spans]
