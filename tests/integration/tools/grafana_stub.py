"""Stands in for Grafana's HTTP API and takes nothing that its documentation does not allow.

No Grafana could be run where this was written. Each rule has the page it is from beside it; below `_API` they are
https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.ports import free_ports

_API = "https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/"

_IN_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
"""What a query may hold unencoded: https://www.rfc-editor.org/rfc/rfc3986#section-3.4."""

_WRITABLE = {"time": int, "timeEnd": int, "tags": list, "text": str}
_PLACE = {"dashboardUID": str, "panelId": int}
_FIND = {"from", "to", "limit", "alertId", "dashboardUID", "panelId", "userId", "type", "tags"}
_EARLIEST_MS = 1_000_000_000_000
"""September 2001: a time below it was meant in seconds."""


class Refused(Exception):
    """Answered with an error status, and remembered as a breach of the rules if it is one of the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class GrafanaStub:
    """What it has, and what it was asked wrongly."""

    password: str
    dashboards: dict[str, list[str]] = field(default_factory=dict)
    """Uid to tags."""
    sources: dict[str, str] = field(default_factory=dict)
    """Uid to what is wrong with it; empty: nothing."""
    database: str = "ok"
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Answer one request: status and JSON."""
        path, query = urlsplit(target).path, urlsplit(target).query
        try:
            if (method, path) == ("GET", "/api/health"):  # other/#health-api; without authorization
                return (200 if self.database == "ok" else 503), {"database": self.database, "version": "13.2.0"}
            self._authorize(headers.get("Authorization"))
            return 200, self._route(method, path, _parsed(query), headers, body)
        except Refused as refused:
            if refused.status not in (401, 503):
                self.breaches.append(f"{method} {target}: {refused}")
            return refused.status, {"message": str(refused)}

    def _authorize(self, given: str | None) -> None:
        """Want basic authentication (authentication/#basic-authentication): scheme, then user:password in base64."""
        expected = base64.b64encode(f"admin:{self.password}".encode()).decode()
        if given != f"Basic {expected}":
            raise Refused(401, "Invalid username or password")

    def _route(self, method: str, path: str, query: list[tuple[str, str]], headers: Any, body: bytes) -> Any:
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("POST", r"/api/annotations", self._create),  # annotations/#create-annotation
            ("PATCH", r"/api/annotations/(\d+)", self._patch),  # annotations/#patch-annotation
            ("GET", r"/api/annotations", self._find),  # annotations/#find-annotations
            ("GET", r"/api/search", self._search),  # folder_dashboard_search/#search-folders-and-dashboards
            ("GET", r"/api/datasources/uid/([\w-]+)/health", self._health),  # data_source/#check-data-source-health
        ]
        for verb, pattern, handle in routes:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                sent = None
                if method in ("POST", "PATCH"):
                    if not headers.get("Content-Type", "").startswith("application/json"):
                        raise Refused(400, f"a body of type {headers.get('Content-Type')}")
                    sent = json.loads(body)
                return handle(*found.groups(), sent if sent is not None else query)
        raise Refused(404, "Not found")

    # -- annotations ----------------------------------------------------------------------------------

    def _create(self, sent: dict[str, Any]) -> Any:
        """`text` is required; dashboardUID and panelId are optional, without both it is one of the organization."""
        _of_types(sent, _WRITABLE | _PLACE)
        if not sent.get("text"):
            raise Refused(400, "text field should not be empty")
        _in_ms(sent)
        number = len(self.annotations) + 1
        self.annotations[number] = {"id": number, "type": "annotation", **_given(sent)}
        return {"message": "Annotation added", "id": number}

    def _patch(self, number: str, sent: dict[str, Any]) -> Any:
        """One or more of text, tags, time and timeEnd; what is given replaces what was there, also an empty list."""
        _of_types(sent, _WRITABLE)
        if int(number) not in self.annotations:
            raise Refused(404, "Could not find annotation to update")
        _in_ms(sent)
        self.annotations[int(number)].update(_given(sent))
        return {"message": "Annotation patched"}

    def _find(self, query: list[tuple[str, str]]) -> Any:
        """`from` and `to` in ms; `tags` once for each, all of them have to be there; `limit` is 100 by default."""
        unknown = {name for name, _ in query} - _FIND
        if unknown:
            raise Refused(400, f"unknown parameters {unknown}")
        one = {name: value for name, value in query if name != "tags"}
        wanted = {value for name, value in query if name == "tags"}
        start, end, most = (int(one.get(name, usual)) for name, usual in (("from", "0"), ("to", "0"), ("limit", "100")))
        if one.get("type", "annotation") not in ("alert", "annotation"):
            raise Refused(400, "type is alert or annotation")
        found = [
            item
            for item in self.annotations.values()
            if wanted <= set(item["tags"])
            and (not end or item["time"] <= end)
            and item.get("timeEnd", item["time"]) >= start
        ]
        return found[:most]

    # -- dashboards and data sources ------------------------------------------------------------------

    def _search(self, query: list[tuple[str, str]]) -> Any:
        """`tag` can be there more than once; `type` is dash-folder or dash-db."""
        wanted = {value for name, value in query if name == "tag"}
        if not {value for name, value in query if name == "type"} <= {"dash-db", "dash-folder"}:
            raise Refused(400, "type is dash-folder or dash-db")
        return [
            {"uid": uid, "type": "dash-db", "tags": tags, "url": f"/d/{uid}"}
            for uid, tags in self.dashboards.items()
            if wanted <= set(tags)
        ]

    def _health(self, uid: str, _query: list[tuple[str, str]]) -> Any:
        if uid not in self.sources:
            raise Refused(404, "Data source not found")
        wrong = self.sources[uid]
        return {"status": "ERROR", "message": wrong} if wrong else {"status": "OK", "message": "works"}


def _parsed(query: str) -> list[tuple[str, str]]:
    if not _IN_QUERY.fullmatch(query):
        raise Refused(400, f"{query!r} is not encoded as RFC 3986 wants it")
    return parse_qsl(query, keep_blank_values=True)


def _given(sent: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sent.items() if value is not None}


def _of_types(sent: Any, allowed: dict[str, type]) -> None:
    if not isinstance(sent, dict) or set(sent) - set(allowed):
        raise Refused(400, f"bad request data: {sent}, where only {sorted(allowed)} can be")
    for key, value in _given(sent).items():
        if not isinstance(value, allowed[key]) or isinstance(value, bool):
            raise Refused(400, f"bad request data: {key} is {value!r}")
    if not all(isinstance(tag, str) for tag in sent.get("tags") or []):
        raise Refused(400, "bad request data: tags are strings")


def _in_ms(sent: dict[str, Any]) -> None:
    """Times are epoch numbers in milliseconds; a region does not end before it begins."""
    times = [sent[key] for key in ("time", "timeEnd") if sent.get(key) is not None]
    if any(at < _EARLIEST_MS for at in times):
        raise Refused(400, f"{times} are not milliseconds since 1970")
    if times != sorted(times):
        raise Refused(400, "timeEnd is before time")


@contextmanager
def served(stub: GrafanaStub, port: int | None = None) -> Iterator[GrafanaStub]:
    """Serve a stub on a port of 127.0.0.1, by default a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, content = stub.answer(self.command, self.path, self.headers, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815 - its names

        def log_message(self, *_: Any) -> None:
            pass

    port = port or free_ports(1)[0]
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
