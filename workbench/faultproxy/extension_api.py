"""The plane's own API: faults with leases, the recording, health and metrics. Translates, decides nothing.

Every error is JSON with all problems of the request. Unknown fields are problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from time import monotonic_ns
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from workbench.faultproxy import metrics, openapi
from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import (
    AlreadyThereError,
    Plane,
    UnknownEdgeError,
    UnknownFaultError,
    UnsuitableError,
)
from workbench.faultproxy.wire import EdgeStats, FaultList, FaultOrder, MarkedRecordingOrder, RenewOrder
from workbench.model.recording import Health, RecordingStarted, Refusal

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.Response]]

_OPEN = ("/health", "/metrics", "/proxies/{proxy}/stats", openapi.PATH)


class _RefusedError(Exception):
    """Ends a handler with an error answer."""

    def __init__(self, status: int, error: str, problems: list[str] | None = None) -> None:
        super().__init__(error)
        self.refusal = Refusal(error=error, status=status, problems=problems or [])


def extension_routes(plane: Plane, options: Options) -> list[web.RouteDef]:
    """Return the routes; with a token, all that are not `_OPEN` want it."""
    token = options.token
    api = _ExtensionApi(plane, options)
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/faults", api.list_faults),
        ("POST", "/faults", api.add_fault),
        ("DELETE", "/faults", api.remove_all),
        ("POST", "/faults/renew", api.renew),
        ("GET", "/faults/{id}", api.show_fault),
        ("DELETE", "/faults/{id}", api.remove_fault),
        ("GET", "/recording", api.show_recording),
        ("PUT", "/recording", api.start_recording),
        ("DELETE", "/recording", api.stop_recording),
        ("GET", "/proxies/{proxy}/stats", api.show_stats),
        ("GET", "/health", api.show_health),
        ("GET", "/metrics", api.show_metrics),
        ("GET", openapi.PATH, api.show_openapi),
    ]
    return [
        web.route(
            method,
            path,
            _guarded(handler, None if path in _OPEN else token),
            **({"allow_head": False} if method == "GET" else {}),
        )
        for method, path, handler in table
    ]


def _guarded(handler: Handler, token: str | None) -> Handler:
    expected = None if token is None else f"Bearer {token}".encode()

    async def answer(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if expected is not None and not compare_digest(given, expected):
            error = "this needs `Authorization: Bearer` with the plane's token"
            return _json(Refusal(error=error, status=401), 401)
        try:
            return await handler(request)
        except _RefusedError as error:
            return _json(error.refusal, error.refusal.status)

    return answer


class _ExtensionApi:
    def __init__(self, plane: Plane, options: Options) -> None:
        self._plane = plane
        self._options = options

    # -- faults -----------------------------------------------------------------------------------------

    async def list_faults(self, _request: web.Request) -> web.Response:
        return _json(FaultList(faults=[fault.state() for fault in self._plane.faults()]))

    async def add_fault(self, request: web.Request) -> web.Response:
        order = await _read(request, FaultOrder)
        try:
            fault = await self._plane.inject(order)
        except UnknownEdgeError as error:
            raise _RefusedError(404, f"there is no edge {order.fault.edge}") from error
        except AlreadyThereError as error:
            raise _RefusedError(409, f"fault {order.fault.id} is already on") from error
        except UnsuitableError as error:
            raise _RefusedError(400, str(error), [f"fault: {error}"]) from error
        return _json(fault.lease(), 201)

    async def show_fault(self, request: web.Request) -> web.Response:
        fault_id = request.match_info["id"]
        try:
            return _json(self._plane.fault(fault_id).state())
        except UnknownFaultError as error:
            raise _unknown_fault(fault_id) from error

    async def remove_fault(self, request: web.Request) -> web.Response:
        fault_id = request.match_info["id"]
        try:
            return _json((await self._plane.remove(fault_id)).state())
        except UnknownFaultError as error:
            raise _unknown_fault(fault_id) from error
        except OSError as error:
            raise _still_closed(error) from error

    async def remove_all(self, _request: web.Request) -> web.Response:
        try:
            removed = await self._plane.remove_all()
        except OSError as error:
            raise _still_closed(error) from error
        return _json(FaultList(faults=[fault.state() for fault in removed]))

    async def renew(self, request: web.Request) -> web.Response:
        order = await _read(request, RenewOrder)
        return _json(self._plane.renew(order.ids, order.lease_ms))

    # -- recording --------------------------------------------------------------------------------------

    async def start_recording(self, request: web.Request) -> web.Response:
        order = await _read(request, MarkedRecordingOrder)
        if not self._options.may_record:
            raise _RefusedError(403, "a plane that other machines can reach records only with WORKBENCH_TOKEN set")
        try:
            clock = self._plane.start_recording(order)
        except OSError as error:
            problem = f"directory: {order.directory}: {error.strerror}"
            raise _RefusedError(400, f"cannot record: {problem}", [problem]) from error
        return _json(RecordingStarted(clock=clock))

    async def show_recording(self, _request: web.Request) -> web.Response:
        return _json(self._plane.recording_state())

    async def stop_recording(self, _request: web.Request) -> web.Response:
        end = self._plane.stop_recording()
        if end is None:
            raise _RefusedError(404, "nothing is being recorded")
        return _json(end)

    # -- how it does ------------------------------------------------------------------------------------

    async def show_health(self, _request: web.Request) -> web.Response:
        return _json(Health(ok=True, monotonic_ns=monotonic_ns()))

    async def show_stats(self, request: web.Request) -> web.Response:
        name = request.match_info["proxy"]
        try:
            edge = self._plane.edge(name)
        except UnknownEdgeError as error:
            raise _RefusedError(404, f"there is no edge {name}") from error
        faults = [fault.state() for fault in self._plane.faults() if fault.spec.edge == name]
        return _json(EdgeStats(name=name, attempts=edge.attempts, connections=len(edge.connections), faults=faults))

    async def show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=metrics.render(self._plane, self._options), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    async def show_openapi(self, _request: web.Request) -> web.Response:
        # To make it takes longer than traffic should have to wait.
        return web.json_response(text=await asyncio.to_thread(openapi.as_json))


def _unknown_fault(fault_id: str) -> _RefusedError:
    return _RefusedError(404, f"no fault {fault_id} is on")


def _still_closed(error: OSError) -> _RefusedError:
    return _RefusedError(500, f"the fault was taken off, but its edge cannot listen again: {error.strerror}")


async def _read(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in detail['loc']) or 'body'}: {detail['msg']}" for detail in error.errors()
        ]
        raise _RefusedError(400, "; ".join(problems), problems) from error


def _json(model: BaseModel, status: int = 200) -> web.Response:
    return web.Response(status=status, body=model.model_dump_json().encode(), content_type="application/json")
