"""Spans are passed on to a receiver of ours, masked; what it cannot take is counted and holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from workbench.collector import forwarding
from workbench.collector.forwarding import Forwarder


def spans(count: int, name: str = "pay") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(count):
        scope.spans.add().name = name
    return request


@asynccontextmanager
async def receiver(answer: Callable[[int], int]) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve OTLP; `answer` gives the status of the nth request. Yield its address, and the spans of each request."""
    came: list[int] = []

    async def take(request: web.Request) -> web.Response:
        body = ExportTraceServiceRequest.FromString(await request.read())
        came.append(sum(len(scope.spans) for resource in body.resource_spans for scope in resource.scope_spans))
        return web.Response(status=answer(len(came)))

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces", came
    await runner.cleanup()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.01)


def test_spans_are_passed_on_in_order() -> None:
    async def story() -> None:
        async with receiver(lambda _: 200) as (url, came):
            forwarder = Forwarder()
            await forwarder.forward_to(url)
            for count in (3, 1, 2):
                forwarder.add(spans(count))
            await until(lambda: len(came) == 3)
            await forwarder.stop()
            assert [3, 1, 2] == came
            assert 0 == forwarder.dropped

    asyncio.run(story())


def test_a_receiver_that_is_busy_is_asked_again_and_one_that_refuses_is_not() -> None:
    async def story() -> None:
        async with receiver(lambda n: 503 if n == 1 else 400 if n == 3 else 200) as (url, came):
            forwarder = Forwarder()
            await forwarder.forward_to(url)
            for count in (3, 1, 2):
                forwarder.add(spans(count))
            await until(lambda: len(came) == 4)
            await forwarder.stop()
            assert [3, 3, 1, 2] == came
            assert 1 == forwarder.dropped

    asyncio.run(story())


def test_without_a_receiver_nothing_is_kept_or_counted() -> None:
    forwarder = Forwarder()
    forwarder.add(spans(3))
    assert 0 == forwarder.dropped


def test_what_does_not_fit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MOST_WAITING", 200)

    async def story() -> None:
        forwarder = Forwarder()
        await forwarder.forward_to("http://127.0.0.1:9/v1/traces")
        forwarder.add(spans(2))
        forwarder.add(spans(5, "x" * 300))
        assert 5 == forwarder.dropped
        await forwarder.stop()
        assert 7 == forwarder.dropped

    asyncio.run(story())
