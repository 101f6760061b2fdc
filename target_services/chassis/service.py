"""Puts a service together and runs it: the one place where its parts meet.

Nothing is built when modules are imported, because services are forked from a process that has imported them.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from target_services.chassis import bugs, logs, operations, problems
from target_services.chassis.audit import Audited
from target_services.chassis.body_limit import BodyLimit
from target_services.chassis.cache import Cache
from target_services.chassis.cache_guard import GuardedStore
from target_services.chassis.cache_memory import MemoryStore
from target_services.chassis.cache_redis import RedisStore
from target_services.chassis.database import Database
from target_services.chassis.disturbances import Disturbances
from target_services.chassis.draining import Draining, DrainingServer
from target_services.chassis.flags import Flags
from target_services.chassis.grpc_server import GrpcServer, GrpcService
from target_services.chassis.metrics import ServiceMetrics
from target_services.chassis.openapi import DescribedApp, description
from target_services.chassis.readiness import Readiness
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import Breaker, BreakerPolicy
from target_services.chassis.resilience.bulkhead import Bulkhead
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.edge_decisions import EdgeDecisions
from target_services.chassis.resilience.edge_metrics import EdgeMetrics
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.http_wire import HttpClient, HttpWire
from target_services.chassis.resilience.outcomes import TRANSIENT, Outcome
from target_services.chassis.resilience.policies import describe
from target_services.chassis.resilience.retry import Retry
from target_services.chassis.resilience.wire import Wire
from target_services.chassis.settings import ServiceSettings, load_settings
from target_services.chassis.tracing import Tracing

_KEEP_ALIVE_S = 75
_COLLECT_AFTER = (20_000, 20, 20)
"""Python's own 700 objects are there with 60 spans, which are no garbage until they have been sent."""

Prepare = Callable[[], Awaitable[None]]
Background = Callable[[Draining], Coroutine[Any, Any, None]]
Layer = Callable[[ASGIApp], ASGIApp]

_log = structlog.get_logger(__name__)


class Chassis:
    """The parts that every service has. A service adds its edges, its database and its routes."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.metrics = ServiceMetrics()
        self.tracing = Tracing(settings.service_name, settings.traces_to, self.metrics.spans_dropped)
        self.draining = Draining()
        self.flags = Flags(settings.service_name, settings.flags_file)
        self._http = HttpClient()
        self._caches: list[Cache] = []
        self.disturbances = Disturbances()
        self._edges: list[Edge] = []

    def edge(
        self,
        name: str,
        to: str | Wire,
        *,
        timeout_s: float,
        retry: Retry,
        breaker: BreakerPolicy,
        bulkhead: int,
        fallback: str | None = None,
        hedge: Hedge | None = None,
        retry_on: frozenset[Outcome] = TRANSIENT,
    ) -> Edge:
        """Return a new edge; its numbers stand where it is made, in the service's `app.py`.

        `to`: the base URL of a callee that speaks HTTP, or another wire.
        """
        wire = HttpWire(self._http, to) if isinstance(to, str) else to
        metrics = EdgeMetrics(self.metrics.edges, name, fallback)

        decided = EdgeDecisions(name, metrics)
        edge = Edge(
            name,
            wire,
            timeout_s=timeout_s,
            retry=retry,
            breaker=Breaker(breaker, observer=decided),
            bulkhead=Bulkhead(bulkhead),
            fallback=fallback,
            hedge=hedge,
            retry_on=retry_on,
            tracer=self.tracing.tracer,
            metrics=metrics,
            decided=decided,
        )
        self._edges.append(edge)
        return edge

    def grpc_server(self, port: int, service: GrpcService, *, longest_s: float | None = None) -> GrpcServer:
        """Return what answers the calls of a gRPC service on a port of its own."""
        return GrpcServer(
            self.settings.host,
            port,
            service,
            tracer=self.tracing.tracer,
            metrics=self.metrics,
            draining=self.draining,
            longest_s=longest_s,
        )

    def cache(self, name: str, url: str | None, *, fresh_s: float, keep_s: float) -> Cache:
        """Return a new cache in Redis, or in this process where there is no URL of one."""
        store = MemoryStore() if url is None else RedisStore(url, f"{name}:")
        registry = self.metrics.registry
        guarded = GuardedStore(name, store, self.disturbances, registry=registry)
        cache = Cache(name, guarded, fresh_s=fresh_s, keep_s=keep_s, registry=registry)
        self._caches.append(cache)
        return cache

    def application(
        self,
        routes: Callable[[FastAPI], None],
        *,
        database: Database | None = None,
        audited: Audited | None = None,
        prepare: Prepare | None = None,
        background: Sequence[Background] = (),
        longest_s: float | None = None,
        grpc: GrpcServer | None = None,
        layers: Sequence[Layer] = (),
    ) -> RequestScope:
        """Return the service as an ASGI application.

        `routes` adds the service's own addresses, below /v1; `prepare` runs once the database is open; all of
        `background` runs until draining begins; `longest_s` bounds every request, and is what requests without
        a deadline get; `layers` are what requests pass on their way to the routes, the outermost first; `grpc`
        listens beside HTTP for as long as the service runs.
        """
        readiness = Readiness(self.draining, database)
        if database is not None:
            database.disturbed_by(self.disturbances)
        operated = operations.Operated(
            service=self.settings.service_name,
            metrics=self.metrics,
            tracing=self.tracing,
            readiness=readiness,
            policies=lambda: describe(self._edges),
            audited=audited,
            disturbances=self.disturbances,
        )
        app = DescribedApp(
            title=self.settings.service_name,
            description=description(type(self.settings)),
            calls_others=bool(self._edges),
            lifespan=self._lifespan(readiness, database, prepare, background, grpc),
        )
        problems.install(app)
        routes(app)
        self.metrics.announce([*_templates(app), *(grpc.routes if grpc is not None else ())])
        operations.add(app, operated)
        token = self.settings.workbench_token
        if self.settings.workbench_stack and token is not None:
            operations.add_for_workbench(app, operated, token.get_secret_value())
        inner: ASGIApp = BodyLimit(app, self.settings.body_limit_bytes)
        for layer in reversed(layers):
            inner = layer(inner)
        return RequestScope(
            inner,
            tracer=self.tracing.tracer,
            metrics=self.metrics,
            draining=self.draining,
            has_begun=readiness.has_begun,
            longest_s=longest_s,
        )

    def _lifespan(
        self,
        readiness: Readiness,
        database: Database | None,
        prepare: Prepare | None,
        background: Sequence[Background],
        grpc: GrpcServer | None,
    ) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
        async def start() -> None:
            if database is not None:
                await database.open()
            if prepare is not None:
                await prepare()

        async def once_begun(background: Background) -> None:
            await readiness.wait()
            await background(self.draining)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self.tracing.close)
                if database is not None:
                    stack.push_async_callback(database.close)
                stack.push_async_callback(self.disturbances.end_all)
                await self._reach_out(stack)
                stack.push_async_callback(_ended, await readiness.begin(start))
                if grpc is not None:
                    await grpc.start(readiness.has_begun)
                    stack.push_async_callback(grpc.stop, self.settings.finish_s)
                for work in background:
                    stack.push_async_callback(_ended, asyncio.create_task(once_begun(work)))
                gc.freeze()  # what is there now stays; the collector need not look at it again
                gc.set_threshold(*_COLLECT_AFTER)
                _log.info("started", port=self.settings.port)
                yield

        return lifespan

    async def _reach_out(self, stack: AsyncExitStack) -> None:
        """Open what leads to others."""
        for cache in self._caches:
            stack.push_async_callback(cache.close)
        for edge in self._edges:
            stack.push_async_callback(edge.wire.close)
            await edge.wire.open()


def run(kind: type[Any], build: Callable[[Any], RequestScope]) -> None:
    """Read the settings, build the service, and serve until SIGTERM. Blocks."""
    settings: ServiceSettings = load_settings(kind)
    logs.configure(settings.service_name, settings.log_level)
    bugs.plant(settings.workbench_bugs)
    uvloop.run(_serve(settings, build))


async def _serve(settings: ServiceSettings, build: Callable[[Any], RequestScope]) -> None:
    application = build(settings)
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="none",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.finish_s)),
    )
    await DrainingServer(config, application.draining, settings.drain_s).serve()


def _templates(app: FastAPI) -> list[tuple[str, str]]:
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    return [(method, route.path) for route in routes for method in route.methods or ()]


async def _ended(task: asyncio.Task[None]) -> None:
    """Give a background task, which has seen draining begin, a moment to end by itself."""
    done, _ = await asyncio.wait({task}, timeout=1.0)
    if not done:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
