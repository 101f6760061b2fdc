"""The gRPC side of a service: the same domain, and the same surroundings of a request as over HTTP.

Correlation, deadline, server span, RED metrics and problems are those of `request_scope`. A method counts as the
route that it is on the wire: POST /package.Service/Method, with the status that its problem would have over HTTP.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from sqlalchemy.exc import DataError

from target_services.chassis import correlation
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.draining import Draining
from target_services.chassis.grpc_status import LEAVING_TRAILER, PROBLEM_TRAILER, grpc_code
from target_services.chassis.metrics import ServiceMetrics
from target_services.chassis.problems import Problem, database_failed, unavailable
from target_services.chassis.request_scope import carried
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.tracing import kept_trace

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a port that is taken is an error, and not shared
    ("grpc.max_receive_message_length", 64 * 1024),
)
_CANCELLED = 499
"""Status under which a call is counted whose caller did not wait for the answer."""

_log = structlog.get_logger(__name__)

Method = Callable[[Any], Awaitable[Message]]
"""Answers a request message. Raises Problem for everything else that there is to say."""


@dataclass(frozen=True, slots=True)
class GrpcService:
    """A service of a proto file, with what answers each of its methods."""

    descriptor: ServiceDescriptor
    methods: Mapping[str, Method]

    def __post_init__(self) -> None:
        promised = {method.name for method in self.descriptor.methods}
        if promised != set(self.methods):
            raise ValueError(f"{self.descriptor.full_name} has the methods {', '.join(sorted(promised))}")


class GrpcServer:
    """Listens on a port of its own. Nothing of gRPC is started before `start`, so that processes can be forked."""

    def __init__(
        self,
        host: str,
        port: int,
        service: GrpcService,
        *,
        tracer: Tracer,
        metrics: ServiceMetrics,
        draining: Draining,
        longest_s: float | None = None,
    ) -> None:
        self._address = f"{host}:{port}"
        self._service = service
        self._tracer = tracer
        self._metrics = metrics
        self._draining = draining
        self._longest_s = longest_s
        self._server: grpc.aio.Server | None = None
        self._has_begun: Callable[[], bool] = lambda: False

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Return what its methods are counted as."""
        return [("POST", _path(method)) for method in self._service.descriptor.methods]

    async def start(self, has_begun: Callable[[], bool] = lambda: True) -> None:
        """Listen. Raises RuntimeError when the port is taken. While `has_begun` says no, callers are told so."""
        self._has_begun = has_begun
        self._server = grpc.aio.server(options=_OPTIONS)
        name = self._service.descriptor.full_name
        handlers = {method.name: self._handler(method) for method in self._service.descriptor.methods}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        self._server.add_insecure_port(self._address)
        await self._server.start()

    async def stop(self, finish_s: float) -> None:
        """Take no more calls, and give the calls in flight so long to end.

        gRPC refuses calls that are on their way now, and they are lost. So callers are asked to go before it is
        stopped, with each answer from the beginning of draining on.
        """
        if self._server is not None:
            await self._server.stop(finish_s)

    def _handler(self, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
        path, answer = _path(method), self._service.methods[method.name]

        async def handle(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            scope = _Scope(self._tracer, self._metrics, path, _headers(context))
            result = await scope.run(lambda: self._begun(answer, request), self._deadline(scope.headers, context))
            await context.send_initial_metadata(((correlation.HEADER, scope.correlation_id),))
            leaving = ((LEAVING_TRAILER, "1"),) if self._draining.begun else ()
            if isinstance(result, _Refusal):
                problem, trailer = result.problem, (PROBLEM_TRAILER, result.document)
                trailers = (trailer, *problem.headers.items(), *leaving)
                await context.abort(grpc_code(problem.status), problem.detail, trailers)
            context.set_trailing_metadata(leaving)
            return result

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )

    async def _begun(self, answer: Method, request: Message) -> Message:
        if not self._has_begun():
            raise DatabaseUnavailable(Cause.AWAY)
        return await answer(request)

    def _deadline(self, headers: Mapping[str, str], context: grpc.aio.ServicerContext[Any, Any]) -> Deadline:
        offered_s = (deadlines.from_header(headers.get(deadlines.HEADER)), context.time_remaining(), self._longest_s)
        limits_s = [s for s in offered_s if s is not None]
        return Deadline.after(min(limits_s)) if limits_s else deadlines.NEVER


@dataclass(frozen=True, slots=True)
class _Refusal:
    problem: Problem
    document: bytes


class _Scope:
    """What surrounds one call."""

    def __init__(self, tracer: Tracer, metrics: ServiceMetrics, path: str, headers: dict[str, str]) -> None:
        self.headers = headers
        self.correlation_id = correlation.accept(headers.get(correlation.HEADER))
        self._tracer = tracer
        self._metrics = metrics
        self._path = path

    async def run(self, answer: Callable[[], Awaitable[Message]], deadline: Deadline) -> Message | _Refusal:
        parent = propagate.extract(self.headers)
        service, _, method = self._path[1:].partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        span = self._tracer.start_span(self._path[1:], parent, SpanKind.SERVER, attributes)
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        status, started_s = _CANCELLED, time.monotonic()
        self._metrics.active.inc()
        try:
            with carried(self.correlation_id, deadline):
                result = await self._answer(answer)
            status = result.problem.status if isinstance(result, _Refusal) else 200
            return result
        finally:
            self._metrics.active.dec()
            otel_context.detach(token)
            self._conclude(span, status, time.monotonic() - started_s)

    def _conclude(self, span: Span, status: int, seconds: float) -> None:
        code = int(grpc_code(status).value[0])
        span.set_attributes({"rpc.grpc.status_code": code, "http.response.status_code": status})
        if status >= 500:
            span.set_status(StatusCode.ERROR, str(status))
        span.end()
        self._metrics.request_ended("POST", self._path, status, seconds, kept_trace(span))

    async def _answer(self, answer: Callable[[], Awaitable[Message]]) -> Message | _Refusal:
        try:
            if deadlines.current.get().has_passed():
                raise Problem(504, "the caller's deadline has passed", slug=deadlines.SLUG)  # noqa: TRY301
            return await answer()
        except Problem as raised:
            problem = raised
        except CallFailed as failure:
            problem = unavailable(failure)
        except DatabaseUnavailable as error:
            problem = database_failed(error)
        except DataError:
            problem = Problem(422, "a value is none that the database can hold", slug="invalid-request")
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer and the log the rest
            _log.exception("request failed", path=self._path)
            problem = Problem(500, "an unexpected error; the log has it under this trace id")
        return _Refusal(problem, json.dumps(problem.document(), separators=(",", ":")).encode())


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _headers(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, str]:
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
