"""The collector's HTTP API: handlers, and who may call them. Spans and the health check need no token."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from workbench.collector import otlp
from workbench.collector.dialling import Dialler
from workbench.collector.forwarding import Forwarder
from workbench.collector.live.faults_standing import FaultsStanding
from workbench.collector.live.view import LiveView
from workbench.collector.live.web import PREFIX, LiveWeb, is_own_page
from workbench.collector.processes import ProcessWatch, Row
from workbench.collector.recording import RECORDED, Keeping, Recording, read_clocks
from workbench.collector.run_metrics import Lost, RunMetrics
from workbench.collector.scraping import Scraper
from workbench.collector.wire import Pid, ProcessName, RunNow, Samples, Targets
from workbench.masking import Masks
from workbench.model.recording import Health, RecordingOrder, RecordingStarted, RecordingState, Refusal

LONGEST_ORDER = 1024 * 1024
TICK_S = 1.0
_SHUTDOWN_S = 0.2
_SPANS_AT_ONCE = 500
"""Between two looks at everything else: some 10 ms."""

_OPEN = (("POST", "/v1/traces"), ("GET", "/health"), ("GET", "/metrics"))
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_RELAYED = "relay"
"""By this name containers ask, and no page of the web can have it: it has no dot."""
_PIDS = TypeAdapter(dict[ProcessName, Pid])

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Collector:
    """Everything that measures, and the API to it."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._keeping = Keeping()
        self._scraper = Scraper(self._keeping)
        self._processes = ProcessWatch()
        self._measured: list[Row] = []
        self._masks = Masks()
        self._forwarder = Forwarder()
        self._run_metrics = RunMetrics()
        self._spans_rejected = 0
        self._rows_dropped_before = Counter({table.name: 0 for table in RECORDED})
        """Of recordings that have ended, by table."""
        self._tasks: list[asyncio.Task[None]] = []
        self._live = LiveView(self._keeping, self._scraper, FaultsStanding(token))
        self._web = LiveWeb(self._live)
        app = web.Application(client_max_size=LONGEST_ORDER, middlewares=[_refuse_strangers, self._admit])
        app.add_routes(
            [
                web.put("/targets", self._put_targets),
                web.put("/processes", self._put_processes),
                web.put("/run", self._put_run),
                web.get("/metrics", self._get_metrics),
                web.put("/recording", self._put_recording),
                web.get("/recording", self._get_recording),
                web.delete("/recording", self._delete_recording),
                web.post("/v1/traces", self._post_traces),
                web.get("/samples", self._get_samples),
                *self._web.routes(),
                web.get("/health", self._get_health),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S, auto_decompress=False
        )
        self._dialler = Dialler(self._protocol, token)

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1; 0 takes a free port. Return the port. Raises OSError."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._live.watch(), name="live page")]
        return int(self._runner.addresses[0][1])

    def _protocol(self) -> asyncio.Protocol:
        assert self._runner.server is not None
        return self._runner.server()

    async def stop(self) -> None:
        """End everything; rows of a recording that is on are made durable."""
        self._live.leave()
        for task in self._tasks:
            task.cancel()
        await self._dialler.stop()
        await self._scraper.stop()
        await self._forwarder.stop()
        recording, self._keeping.recording = self._keeping.recording, None
        if recording is not None:
            recording.close()
        await self._runner.cleanup()

    async def _tick(self) -> None:
        """Measure processes and write rows, each second."""
        while True:
            recording = self._keeping.recording
            self._measured = [] if recording is None else self._processes.measure()
            if recording is not None:
                recording.processes(self._measured)
                recording.flush()
            await asyncio.sleep(TICK_S)

    # -- orders ---------------------------------------------------------------------------------------

    async def _put_targets(self, request: web.Request) -> web.StreamResponse:
        order = await _order(request, TypeAdapter(Targets))
        self._masks = Masks(order.masks)
        self._processes.replace(order.processes)
        await self._scraper.watch(order.services, self._masks)
        await self._forwarder.forward_to(order.spans_to)
        await self._dialler.dial(order.relay)
        if order.live is not None:
            self._live.show(order.live)
        return web.json_response({"services": sorted(order.services)})

    async def _put_processes(self, request: web.Request) -> web.StreamResponse:
        pids = await _order(request, _PIDS)
        self._processes.add(pids)
        return web.json_response({"processes": sorted(pids)})

    async def _put_run(self, request: web.Request) -> web.StreamResponse:
        order = await _order(request, TypeAdapter(RunNow))
        self._run_metrics.now(order)
        self._live.goes_on(order.run)
        return web.json_response({})

    async def _put_recording(self, request: web.Request) -> web.StreamResponse:
        order = await _order(request, TypeAdapter(RecordingOrder))
        if self._keeping.recording is not None:
            raise _refusal(409, "a recording is on already; end it with DELETE /recording")
        try:
            self._keeping.recording = Recording(Path(order.directory))
        except OSError as error:
            raise _refusal(400, f"cannot write to {order.directory}: {error.strerror}") from error
        self._scraper.forget()
        self._live.begin(Path(order.directory))
        return _answer(RecordingStarted(clock=read_clocks()))

    async def _get_recording(self, _request: web.Request) -> web.StreamResponse:
        recording = self._keeping.recording
        if recording is None:
            return _answer(RecordingState(active=False, rows={}, dropped={}, error=None))
        return _answer(recording.state())

    async def _delete_recording(self, _request: web.Request) -> web.StreamResponse:
        """End it with one more scrape, so that nothing depends on where in its beat the scraping was."""
        if self._keeping.recording is not None:
            await self._scraper.scrape_all()
        recording, self._keeping.recording = self._keeping.recording, None
        if recording is None:
            raise _refusal(404, "no recording is on")
        self._scraper.forget()
        end = recording.close()
        self._rows_dropped_before.update(end.dropped)
        return _answer(end)

    def _rows_dropped(self) -> Mapping[str, int]:
        recording, dropped = self._keeping.recording, Counter(self._rows_dropped_before)
        if recording is not None:
            dropped.update(recording.dropped())
        return dropped

    # -- what is sent and asked -----------------------------------------------------------------------

    async def _post_traces(self, request: web.Request) -> web.StreamResponse:
        """Keep spans. Those that come while nothing is recorded are nobody's, and forgotten."""
        if request.content_type != "application/x-protobuf":
            raise _refusal(415, f"content type {request.content_type!r}; only application/x-protobuf is understood")
        try:
            spans = otlp.parsed(await _spans_body(request))
        except otlp.BadSpans as error:
            raise _refusal(400, str(error)) from error
        except otlp.TooLarge as error:
            raise _refusal(413, str(error)) from error
        answer = ExportTraceServiceResponse()
        for number, row in enumerate(otlp.rows(spans, self._masks)):
            if number % _SPANS_AT_ONCE == _SPANS_AT_ONCE - 1:
                await asyncio.sleep(0)
            recording = self._keeping.recording
            if row is None:
                answer.partial_success.rejected_spans += 1
                self._spans_rejected += 1
                answer.partial_success.error_message = "spans without valid ids were rejected"
            elif recording is not None:
                recording.span(row)
                self._live.span(row)
        self._forwarder.add(spans)
        return web.Response(body=answer.SerializeToString(), content_type="application/x-protobuf")

    async def _get_samples(self, _request: web.Request) -> web.StreamResponse:
        return _answer(Samples(samples=self._scraper.live()))

    async def _get_metrics(self, _request: web.Request) -> web.StreamResponse:
        lost = Lost(self._forwarder.dropped, self._spans_rejected, self._rows_dropped(), self._scraper.ends())
        text = self._run_metrics.render(lost, self._measured)
        return web.Response(text=text, content_type="text/plain")

    async def _get_health(self, _request: web.Request) -> web.StreamResponse:
        return _answer(Health(ok=True, monotonic_ns=time.monotonic_ns()))

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(f"{PREFIX}/") or request.path == PREFIX:
            return await self._web.admit(request, handler)
        if self._token is not None and (request.method, request.path) not in _OPEN:
            given = request.headers.get("Authorization", "")
            if not compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                raise _refusal(401, "this needs the header `Authorization: Bearer <token>`")
        return await handler(request)


@web.middleware
async def _refuse_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn away web pages, and names of others that resolve to this machine."""
    host = request.headers.get("Host", "127.0.0.1").rpartition(":")
    foreign = "Origin" in request.headers and not is_own_page(request)
    if foreign or (host[0] or host[2]) not in (*_LOOPBACK, _RELAYED):
        raise _refusal(403, "only programs on this machine may ask")
    return await handler(request)


async def _order(request: web.Request, form: TypeAdapter[T]) -> T:
    try:
        return form.validate_json(await request.read())
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()]
        raise _refusal(400, "the body does not hold", problems) from error


async def _spans_body(request: web.Request) -> bytes:
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > otlp.LONGEST_BODY:
            raise otlp.TooLarge(f"more than {otlp.LONGEST_BODY} bytes")
    encoding = request.headers.get("Content-Encoding", "identity")
    match encoding:
        case "identity":
            return bytes(content)
        case "gzip":
            return otlp.unzipped(bytes(content))
        case _:
            raise otlp.BadSpans(f"content encoding {encoding!r}; only gzip is understood")


def _answer(model: BaseModel) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json")


def _refusal(status: int, error: str, problems: list[str] | None = None) -> web.HTTPException:
    """Return the exception that answers with an error status."""
    classes: dict[int, type[web.HTTPError]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        403: web.HTTPForbidden,
        404: web.HTTPNotFound,
        409: web.HTTPConflict,
        415: web.HTTPUnsupportedMediaType,
    }
    body = Refusal(error=error, status=status, problems=problems or []).model_dump_json()
    if status == 413:
        return web.HTTPRequestEntityTooLarge(max_size=0, actual_size=0, text=body, content_type="application/json")
    return classes[status](text=body, content_type="application/json")
