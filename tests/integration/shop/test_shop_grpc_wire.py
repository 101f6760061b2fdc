"""What becomes of a gRPC call with callees, and ways to them, that misbehave."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import uvloop
from opentelemetry.sdk.trace import TracerProvider

from target_services.chassis import correlation
from target_services.chassis.draining import Draining
from target_services.chassis.grpc_server import GrpcServer, GrpcService
from target_services.chassis.metrics import ServiceMetrics
from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience import grpc_wire
from target_services.chassis.resilience.grpc_wire import GrpcWire, rpc
from target_services.chassis.resilience.outcomes import AttemptFailed, Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.protos.inventory_pb2 import DESCRIPTOR, GetStockRequest, Stock
from tests.ports import free_ports

T = TypeVar("T")
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GET_STOCK = "/shop.inventory.v1.Inventory/GetStock"


@asynccontextmanager
async def _wire(port: int) -> AsyncIterator[GrpcWire]:
    wire = GrpcWire(f"127.0.0.1:{port}")
    await wire.open()
    try:
        async with asyncio.timeout(20):
            yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def _callee(answer: Callable[[GetStockRequest], Awaitable[Stock]]) -> AsyncIterator[int]:
    """A gRPC server of the chassis that answers every method in the same way."""
    (port,) = free_ports(1)
    server = _server(port, answer)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


def _server(port: int, answer: Callable[[GetStockRequest], Awaitable[Stock]]) -> GrpcServer:
    service = DESCRIPTOR.services_by_name["Inventory"]
    methods = {method.name: answer for method in service.methods}
    tracer, metrics = TracerProvider(shutdown_on_exit=False).get_tracer("test"), ServiceMetrics()
    server = GrpcServer(
        "127.0.0.1",
        port,
        GrpcService(service, methods),
        tracer=tracer,
        metrics=metrics,
        draining=Draining(),
    )
    metrics.announce(server.routes)
    return server


@asynccontextmanager
async def _imposter(behave: Behaviour) -> AsyncIterator[int]:
    """Something that is no gRPC server."""
    server = await asyncio.start_server(behave, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _ask(wire: GrpcWire, **headers: str) -> Answer | AttemptFailed:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        return await wire.exchange(rpc(GET_STOCK, GetStockRequest(product_id=7), reads=True), sent)
    except AttemptFailed as failure:
        return failure


def _run(test: Callable[[], Awaitable[T]]) -> T:
    """Run a test as services run: on uvloop."""

    async def whole() -> T:
        return await test()

    result: T = uvloop.run(whole())
    return result


async def _in_stock(request: GetStockRequest) -> Stock:
    return Stock(product_id=request.product_id, on_hand=3)


def test_an_answer_is_the_message() -> None:
    """Bytes of the message, with the status that HTTP would have."""

    async def test() -> None:
        async with _callee(_in_stock) as port, _wire(port) as wire:
            answer = await _ask(wire)
        assert isinstance(answer, Answer)
        assert (answer.status, Stock.FromString(answer.body)) == (200, Stock(product_id=7, on_hand=3))

    _run(test)


@pytest.mark.parametrize(
    ("problem", "slug"),
    [(Problem(404, "none", slug="unknown-product"), "unknown-product"), (Problem(409, "x", slug="sold"), "sold")],
)
def test_a_refusal_is_an_answer_with_its_problem(problem: Problem, slug: str) -> None:
    """The same document as over HTTP, and the same status, though gRPC has other codes."""

    async def refuses(_: GetStockRequest) -> Stock:
        raise problem

    async def test() -> None:
        async with _callee(refuses) as port, _wire(port) as wire:
            answer = await _ask(wire)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.problem()) == (problem.status, slug)

    _run(test)


@pytest.mark.parametrize(
    ("raised", "outcome", "status"),
    [
        (Problem(503, "away"), Outcome.SERVER_ERROR, 503),
        (Problem(504, "late"), Outcome.SERVER_ERROR, 504),
        (Problem(429, "slow down", headers={"retry-after": "7"}), Outcome.RATE_LIMITED, 429),
        (RuntimeError("a defect"), Outcome.SERVER_ERROR, 500),
    ],
    ids=["503", "504", "429", "defect"],
)
def test_failures_of_the_callee_have_the_names_they_have_over_http(
    raised: Exception, outcome: Outcome, status: int
) -> None:
    """A 429 keeps its Retry-After, and an unexpected error is a 500."""

    async def fails(_: GetStockRequest) -> Stock:
        raise raised

    async def test() -> None:
        async with _callee(fails) as port, _wire(port) as wire:
            failure = await _ask(wire)
        assert isinstance(failure, AttemptFailed)
        assert (failure.outcome, failure.status) == (outcome, status)
        assert failure.retry_after_s == (7 if status == 429 else None)

    _run(test)


async def _aborts(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.close()


async def _speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("behave", [_aborts, _closes, _speaks_http])
def test_without_a_connection_nothing_was_sent(behave: Behaviour) -> None:
    """gRPC sends a call only once the other side has greeted: whoever does not, has not seen it."""

    async def test() -> None:
        async with _imposter(behave) as port, _wire(port) as wire:
            failure = await _ask(wire)
        assert isinstance(failure, AttemptFailed)
        assert failure.outcome is Outcome.CONNECT_REFUSED

    _run(test)


def test_each_attempt_connects_and_nothing_else_does() -> None:
    """Five attempts at a door that is shut are five connections, without back-off, and none follows by itself."""
    knocks = 0

    async def shuts_the_door(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal knocks
        knocks += 1
        writer.transport.abort()

    async def test() -> None:
        async with _imposter(shuts_the_door) as port, _wire(port) as wire:
            failures = [await _ask(wire) for _ in range(5)]
            await asyncio.sleep(0.3)
        assert [getattr(failure, "outcome", None) for failure in failures] == [Outcome.CONNECT_REFUSED] * 5
        assert knocks == 5

    _run(test)


def test_nobody_there_is_refused_until_somebody_is() -> None:
    """The first attempt after the callee is back reaches it."""
    (port,) = free_ports(1)

    async def test() -> None:
        async with _wire(port) as wire:
            failure = await _ask(wire)
            assert isinstance(failure, AttemptFailed)
            assert failure.outcome is Outcome.CONNECT_REFUSED
            server = _server(port, _in_stock)
            await server.start()
            try:
                assert isinstance(await _ask(wire), Answer)
            finally:
                await server.stop(0)

    _run(test)


def test_a_cut_connection_is_lost_and_the_next_attempt_has_a_new_one() -> None:
    """What was under way may have acted; what comes afterwards does not suffer from it."""
    lines: list[asyncio.StreamWriter] = []

    async def test() -> None:
        callee = _FirstHangs()
        async with _callee(callee) as port:

            async def passes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)
                lines.extend((writer, upstream))
                await asyncio.gather(_pump(reader, upstream), _pump(upstream_reader, writer), return_exceptions=True)

            async with _imposter(passes_on) as between, _wire(between) as wire:
                under_way = asyncio.create_task(_ask(wire))
                await callee.begun.wait()
                for line in lines:
                    line.transport.abort()
                failure = await under_way
                assert isinstance(failure, AttemptFailed)
                assert failure.outcome is Outcome.CONNECTION_LOST
                assert isinstance(await _ask(wire), Answer)

    _run(test)


class _FirstHangs:
    """Answers all calls but the first."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, request: GetStockRequest) -> Stock:
        if self.begun.is_set():
            return await _in_stock(request)
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def test_an_attempt_that_timed_out_takes_its_connection_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As over HTTP: a connection that swallows what is sent is not given the next attempt."""
    monkeypatch.setattr(grpc_wire, "_LATER_S", 20.0)  # it is the edge that gives up, however late
    connections = 0

    async def swallows(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.read(65536):
            pass

    async def test() -> None:
        async with _imposter(swallows) as port, _wire(port) as wire:
            for number in range(1, 4):
                attempt = asyncio.create_task(_ask(wire, **{deadlines.HEADER: "1"}))
                while connections < number:  # noqa: ASYNC110 - nobody is told of them
                    await asyncio.sleep(0.01)  # longer than what was offered
                attempt.cancel()  # as a timeout does
                with pytest.raises(asyncio.CancelledError):
                    await attempt
        assert connections == 3

    _run(test)


def test_a_cancelled_call_keeps_the_connection() -> None:
    """The loser of a hedge says nothing about the line."""

    async def test() -> None:
        callee = _FirstHangs()
        async with _callee(callee) as port, _wire(port) as wire:
            loser = asyncio.create_task(_ask(wire, **{deadlines.HEADER: "10000"}))
            await callee.begun.wait()
            channel = wire._channel
            loser.cancel()
            await asyncio.gather(loser, return_exceptions=True)
            assert isinstance(await _ask(wire), Answer)
            assert wire._channel is channel

    _run(test)


def test_the_callee_gets_the_deadline_the_trace_and_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """What travels in headers over HTTP travels in metadata, and is in force while the callee works."""
    monkeypatch.setattr(grpc_wire, "_LATER_S", 20.0)  # it is the callee that refuses, however late
    seen: list[tuple[str | None, float]] = []

    async def looks(_: GetStockRequest) -> Stock:
        seen.append((correlation.current.get(), deadlines.current.get().remaining_s()))
        return Stock()

    async def test() -> None:
        async with _callee(looks) as port, _wire(port) as wire:
            await _ask(wire, x_deadline_ms="60000", x_correlation_id="abc")
            refused = await _ask(wire, x_deadline_ms="1")
        ((correlation_id, remaining_s),) = seen
        assert correlation_id == "abc"
        assert 0 < remaining_s <= 60
        assert isinstance(refused, AttemptFailed)
        assert (refused.outcome, refused.status) == (Outcome.DEADLINE, 504)

    _run(test)
