"""Toxiproxy's HTTP API on the built-in plane: same paths, JSON, statuses and error texts as the server's 2.12.

Differences on purpose: only loopback addresses can be listened on unless the plane was told otherwise, names
are checked, a proxy has one more, optional field (`protocol`), and the server's own logger does not show in its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from workbench.faultproxy.addresses import format_address, parse_address
from workbench.faultproxy.edge import Edge
from workbench.faultproxy.plane import AlreadyThereError, Plane, UnknownEdgeError
from workbench.faultproxy.toxiproxy import orders
from workbench.faultproxy.toxiproxy.orders import ApiError
from workbench.faultproxy.toxiproxy.toxics import Chance, Toxic

VERSION = "2.12.0"

Handler = Callable[[web.Request], Awaitable[web.Response]]


def toxiproxy_routes(plane: Plane, chance: Chance) -> list[web.RouteDef]:
    """Return the routes."""
    api = _Api(plane, chance)
    toxics = "/proxies/{proxy}/toxics"
    table: list[tuple[str, str, Handler]] = [
        ("POST", "/reset", api.reset),
        ("GET", "/proxies", api.list_proxies),
        ("POST", "/proxies", api.create_proxy),
        ("POST", "/populate", api.populate),
        ("GET", "/proxies/{proxy}", api.show_proxy),
        ("POST", "/proxies/{proxy}", api.update_proxy),
        ("PATCH", "/proxies/{proxy}", api.update_proxy),
        ("DELETE", "/proxies/{proxy}", api.delete_proxy),
        ("GET", toxics, api.list_toxics),
        ("POST", toxics, api.create_toxic),
        ("GET", toxics + "/{toxic}", api.show_toxic),
        ("POST", toxics + "/{toxic}", api.update_toxic),
        ("PATCH", toxics + "/{toxic}", api.update_toxic),
        ("DELETE", toxics + "/{toxic}", api.delete_toxic),
        ("GET", "/version", api.version),
    ]
    # aiohttp would answer HEAD wherever it answers GET.
    strict = {"GET": {"allow_head": False}}
    return [web.route(method, path, _with_errors(handler), **strict.get(method, {})) for method, path, handler in table]


def _with_errors(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ApiError as error:
            headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
            return web.Response(status=error.status, body=_encode(error.body) + b"\n", headers=headers)

    return answer


class _Api:
    def __init__(self, plane: Plane, chance: Chance) -> None:
        self._plane = plane
        self._chance = chance

    # -- proxies ----------------------------------------------------------------------------------------

    async def list_proxies(self, _request: web.Request) -> web.Response:
        return _json({name: _show(edge) for name, edge in self._plane.edges.items()})

    async def create_proxy(self, request: web.Request) -> web.Response:
        order = orders.read_new_proxy(await request.read())
        return _json(_show(await self._create(order)), 201)

    async def _create(self, order: dict[str, Any]) -> Edge:
        return await self._make(partial(self._plane.add_edge, order["name"]), order)

    async def _make(self, edge_with: Callable[..., Awaitable[Edge]], order: dict[str, Any]) -> Edge:
        listen = order.get("listen", "")
        try:
            return await edge_with(
                listen,
                order["upstream"],
                protocol=order.get("protocol", "auto"),
                enabled=order.get("enabled", True),
            )
        except AlreadyThereError as error:
            raise ApiError("proxy already exists", 409) from error
        except (OSError, ValueError) as error:
            raise orders.cannot_listen(listen, error) from error

    async def populate(self, request: web.Request) -> web.Response:
        """Create what is not there as it was asked for; what was made before an error stays, and is shown."""
        made: list[Edge] = []
        problem: dict[str, Any] = {}
        status = 201
        try:
            for order in orders.read_population(await request.read()):
                made.append(await self._add_or_replace(order))  # noqa: PERF401 - see the docstring
        except ApiError as error:
            problem, status = error.body, error.status
        return _json({**problem, "proxies": [_show(edge) for edge in made] or None}, status)

    async def _add_or_replace(self, order: dict[str, Any]) -> Edge:
        existing = self._plane.edges.get(order["name"])
        if existing is not None:
            differs = self._differs(existing, order.get("listen", ""), order["upstream"])
            if not differs and order.get("protocol", existing.protocol) == existing.protocol:
                return existing
            return await self._make(partial(self._plane.replace_edge, existing), order)
        return await self._create(order)

    async def show_proxy(self, request: web.Request) -> web.Response:
        return _json(_show(self._edge(request)))

    async def update_proxy(self, request: web.Request) -> web.Response:
        body = await request.read()
        edge = self._edge(request)  # whoever removes it while the body comes has removed it
        order = orders.read_proxy_changes(body)
        listen, upstream = order.get("listen", edge.listen), order.get("upstream", edge.upstream)
        enabled = order.get("enabled", edge.enabled)
        if self._differs(edge, listen, upstream):
            await edge.move(listen, upstream)
        if enabled:
            await self._enable(edge)
        elif edge.enabled:
            await edge.disable()
        return _json(_show(edge))

    async def delete_proxy(self, request: web.Request) -> web.Response:
        await self._plane.remove_edge(self._edge(request).name)
        return web.Response(status=204)

    async def reset(self, _request: web.Request) -> web.Response:
        """Enable every proxy and take everything off, faults included; one that cannot listen stops nothing of it."""
        with suppress(OSError):  # it is told when it is enabled
            await self._plane.remove_all()
        problems = []
        for edge in list(self._plane.edges.values()):
            if self._plane.edges.get(edge.name) is not edge:
                continue  # removed while another one was enabled
            for rule in list(edge.rules):
                edge.remove_rule(rule)
            try:
                await self._enable(edge)
            except ApiError as error:
                problems.append(error)
        if problems:
            raise problems[0]
        return web.Response(status=204)

    # -- toxics -----------------------------------------------------------------------------------------

    async def list_toxics(self, request: web.Request) -> web.Response:
        return _json([toxic.show() for toxic in _toxics(self._edge(request))])

    async def create_toxic(self, request: web.Request) -> web.Response:
        body = await request.read()
        edge = self._edge(request)
        names = {toxic.name for toxic in _toxics(edge)}
        toxic = orders.read_new_toxic(body, names.__contains__, self._chance)
        edge.add_rule(toxic)
        return _json(toxic.show())

    async def show_toxic(self, request: web.Request) -> web.Response:
        return _json(self._toxic(request).show())

    async def update_toxic(self, request: web.Request) -> web.Response:
        body = await request.read()
        toxic = self._toxic(request)
        toxicity, attributes = orders.read_toxic_changes(body, toxic)
        toxic.update(toxicity, attributes)
        return _json(toxic.show())

    async def delete_toxic(self, request: web.Request) -> web.Response:
        self._edge(request).remove_rule(self._toxic(request))
        return web.Response(status=204)

    async def version(self, _request: web.Request) -> web.Response:
        body = json.dumps({"version": VERSION}) + "\n"
        return web.Response(body=body.encode(), headers={"Content-Type": "application/json;charset=utf-8"})

    async def _enable(self, edge: Edge) -> None:
        """Have an edge listen, also one that is enabled and could not listen again."""
        try:
            await self._plane.enable(edge)
        except UnknownEdgeError as error:
            raise ApiError("proxy not found", 404) from error
        except (OSError, ValueError) as error:
            raise orders.cannot_listen(edge.listen, error) from error

    def _differs(self, edge: Edge, listen: str, upstream: str) -> bool:
        """Tell whether an edge has to be made anew. As in Toxiproxy, an address that cannot be read is an error."""
        try:
            address = format_address(*parse_address(listen, anywhere=self._plane.anywhere))
        except ValueError as error:
            raise ApiError(str(error), 500) from error
        return (address, upstream) != (edge.listen, edge.upstream)

    # -- names ------------------------------------------------------------------------------------------

    def _edge(self, request: web.Request) -> Edge:
        name = request.match_info["proxy"]
        if "/" in name:  # it was escaped; Toxiproxy takes its paths apart behind that
            raise web.HTTPNotFound
        try:
            return self._plane.edge(name)
        except UnknownEdgeError as error:
            raise ApiError("proxy not found", 404) from error

    def _toxic(self, request: web.Request) -> Toxic:
        for toxic in _toxics(self._edge(request)):
            if toxic.name == request.match_info["toxic"]:
                return toxic
        raise ApiError("toxic not found", 404)


def _toxics(edge: Edge) -> list[Toxic]:
    """Return an edge's toxics as Toxiproxy orders them: towards the callee first."""
    toxics = [rule for rule in edge.rules if isinstance(rule, Toxic)]
    return sorted(toxics, key=lambda toxic: not toxic.is_upstream)


def _show(edge: Edge) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": edge.name,
        "listen": edge.listen,
        "upstream": edge.upstream,
        "enabled": edge.enabled,
        "toxics": [toxic.show() for toxic in _toxics(edge)],
    }
    if edge.protocol != "auto":
        shown["protocol"] = edge.protocol
    return shown


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=_encode(value), content_type="application/json")
