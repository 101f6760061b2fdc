"""The control server: one port for the plane's own API and Toxiproxy's, on loopback unless it is told otherwise.

Decides who may talk to it. Browsers may not: a page could otherwise reach the port with a request it never sees the
answer of, or by a name of its own that resolves to this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from workbench.faultproxy.addresses import is_ip_address, is_loopback
from workbench.faultproxy.extension_api import extension_routes
from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.toxiproxy.api import toxiproxy_routes
from workbench.faultproxy.toxiproxy.toxics import Chance

BODY_LIMIT = 1024 * 1024
_SHUTDOWN_S = 0.2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(plane: Plane, options: Options, chance: Chance) -> web.Application:
    """Return the application. With a token, what Toxiproxy does not have wants `Authorization: Bearer`."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[_stranger_refuser(options), _answer_as_go_does])
    app.add_routes(toxiproxy_routes(plane, chance))
    app.add_routes(extension_routes(plane, options))
    return app


class ControlServer:
    """The application on its port."""

    def __init__(self, plane: Plane, options: Options, chance: Chance) -> None:
        self._host = options.host
        self._runner = web.AppRunner(
            build_app(plane, options, chance),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_S,
            auto_decompress=False,  # a body is what was sent, and no larger than it says
        )

    async def start(self, port: int) -> int:
        """Listen on the host; port 0 takes a free one. Return the port. Raises OSError."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, port).start()
        bound: Any = self._runner.addresses[0]
        return int(bound[1])

    async def stop(self) -> None:
        """Close the port and what is open on it."""
        await self._runner.cleanup()


def _stranger_refuser(options: Options) -> Middleware:
    @web.middleware
    async def refuse_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return _plain(403, "User agent not allowed")
        if "Origin" in request.headers:
            return _plain(403, "Requests from web pages are not allowed")
        if "Host" in request.headers and not _is_ours(request.headers["Host"], options):
            return _plain(403, "Host not allowed")
        return await handler(request)

    return refuse_strangers


@web.middleware
async def _answer_as_go_does(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _plain(404, "404 page not found")
    except web.HTTPMethodNotAllowed:
        return web.Response(status=405)
    except web.HTTPRequestEntityTooLarge:
        return _plain(413, f"Body is larger than {BODY_LIMIT} bytes")


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n", headers={"X-Content-Type-Options": "nosniff"})


def _is_ours(host: str, options: Options) -> bool:
    """Tell whether a Host header is a name of this plane that no page on the web could have made up.

    Where other machines may come in, these are IP addresses and names without a dot, as containers have them.
    """
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if is_loopback(name):
        return True
    return options.anywhere and bool(name) and (is_ip_address(name) or "." not in name or name == options.host)
