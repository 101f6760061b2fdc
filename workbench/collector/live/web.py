"""The live page over HTTP: who may see it, the page itself, its events, the reports it links to, the stop button.

The address that `workbench open live` prints carries a token; the first visit trades it for a cookie, so that it is
in no history and in no picture of the screen. Cookies know no port, so this one has the port in its name.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from aiohttp import web

from workbench.collector.live.page import PAGE_HEADERS, REPORT_HEADERS, live_page, locked_page
from workbench.collector.live.past_runs import report_of
from workbench.collector.live.view import MOST_READERS, LiveView
from workbench.holding import ask_to_end
from workbench.model.recording import Refusal

PREFIX = "/live"
_BEAT_S = 5.0
_COOKIE_S = 90 * 24 * 3600
_LONGEST_ORDER = 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LiveWeb:
    """The routes below /live."""

    def __init__(self, view: LiveView) -> None:
        self._view = view

    def routes(self) -> list[web.RouteDef]:
        """Return what is to be added to an application. `allowed` has to be asked before each."""
        return [
            web.get(PREFIX, self._to_the_page),
            web.get(f"{PREFIX}/", self._get_page),
            web.get(f"{PREFIX}/events", self._get_events),
            web.get(f"{PREFIX}/runs/{{run}}/report.html", self._get_report),
            web.post(f"{PREFIX}/stop", self._post_stop),
        ]

    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through who has the token, as a cookie or as a bearer; the page also takes it from its address."""
        page = self._view.page
        if page is None:
            return _refusal(503, "no stack has said what is to be shown")
        given = request.query.get("token", "")
        if given and request.method == "GET" and request.path in (PREFIX, f"{PREFIX}/"):
            return self._welcome(request, given) if _same(given, page.token) else _locked()
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if _same(bearer, page.token):
            return await handler(request)
        if not _same(request.cookies.get(_cookie(request), ""), page.token):
            return _locked() if request.path in (PREFIX, f"{PREFIX}/") else _refusal(401, "wrong or missing token")
        if request.method not in {"GET", "HEAD"} and "Origin" not in request.headers:
            return _refusal(403, "a browser says where a request comes from")
        return await handler(request)

    def _welcome(self, request: web.Request, token: str) -> web.Response:
        """Keep the token in the browser, and out of the address."""
        answer = web.Response(status=303, headers={"Location": f"{PREFIX}/", **PAGE_HEADERS})
        answer.set_cookie(_cookie(request), token, path=PREFIX, max_age=_COOKIE_S, httponly=True, samesite="Strict")
        return answer

    async def _to_the_page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=303, headers={"Location": f"{PREFIX}/", **PAGE_HEADERS})

    async def _get_page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=live_page(), content_type="text/html", headers=PAGE_HEADERS)

    async def _get_report(self, request: web.Request) -> web.StreamResponse:
        reports = self._view.reports
        path = None if reports is None else report_of(reports, request.match_info["run"])
        if path is None:
            return _refusal(404, "there is no such report")
        return web.FileResponse(path, headers=REPORT_HEADERS)

    async def _post_stop(self, request: web.Request) -> web.StreamResponse:
        """Do what `workbench stop` does, to the run that is named: an old page stops no other one."""
        view = self._view
        try:
            body = await request.read()  # an application takes no body of any length
            asked = json.loads(body)["run"] if len(body) < _LONGEST_ORDER else None
        except (ValueError, KeyError, TypeError):
            asked = None
        if not isinstance(asked, str):
            return _refusal(400, 'the body has to be {"run": "the id of the run"}')
        run = view.run
        if view.page is None or run is None or run.run_id != asked or run.state == "over":
            return _refusal(409, f"{asked[:100]} is not going on")
        pid = ask_to_end(view.state_folder)
        if pid is None:
            return _refusal(409, "no run holds the folder any more")
        return web.json_response({"asked": run.run_id, "pid": pid}, status=202)

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        """Send parts as they change, until the reader or this process leaves."""
        view = self._view
        if view.readers >= MOST_READERS:
            return _refusal(503, f"{MOST_READERS} pages are open already")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", **PAGE_HEADERS})
        answer.content_type = "text/event-stream"
        view.readers += 1
        try:
            await answer.prepare(request)
            view.refresh()
            seen = 0
            ended = False
            while not ended:
                ended = view.ended  # asked before parts are: the last ones are sent too
                parts = view.newer(seen)
                for name, part in parts:
                    await answer.write(f"event: {name}\ndata: {part.text}\n\n".encode())
                    seen = part.version
                if ended and view.leaving:
                    await answer.write(b"event: end\ndata: \n\n")
                elif not parts:
                    await answer.write(b"event: beat\ndata: \n\n")
                if not ended:
                    await view.wait(_BEAT_S)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            view.readers -= 1
        return answer


def is_own_page(request: web.Request) -> bool:
    """Tell whether a request of a browser comes from the live page itself."""
    own = f"http://{request.headers.get('Host', '')}"
    return request.path.startswith(f"{PREFIX}/") and request.headers.get("Origin") == own


def _cookie(request: web.Request) -> str:
    return f"workbench-live-{request.url.port}"


def _same(given: str, token: str) -> bool:
    return compare_digest(given.encode(), token.encode())


def _locked() -> web.Response:
    return web.Response(status=401, text=locked_page(), content_type="text/html", headers=PAGE_HEADERS)


def _refusal(status: int, error: str) -> web.Response:
    body = Refusal(error=error, status=status).model_dump_json()
    return web.Response(status=status, text=body, content_type="application/json", headers=PAGE_HEADERS)
