"""HTTP servers in threads, for the length of a `with`: one that sets provider states, one that spoils answers."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Setting = Callable[[str, dict[str, Any]], dict[str, object]]
"""Brings a provider into a state; returns values that the interaction's request is made from."""

Spoil = Callable[[int, bytes], tuple[int, bytes]]
"""Turns status and body of an answer into those of a provider that has changed."""

_HOPS = frozenset({"connection", "content-length", "host", "transfer-encoding"})


@contextmanager
def setting_states(setting: Setting) -> Iterator[str]:
    """Yield the address to which the verifier posts the states it needs."""

    class Handler(_Quiet):
        def do_POST(self) -> None:
            asked = json.loads(self.content())
            try:
                values = setting(asked["state"], asked["params"]) if asked["action"] == "setup" else {}
            except Exception as error:  # noqa: BLE001 - the verifier tells it
                self.answer(500, json.dumps({"error": repr(error)}).encode(), {"content-type": "application/json"})
            else:
                self.answer(200, json.dumps(values).encode(), {"content-type": "application/json"})

    with _serving(Handler) as url:
        yield url


@contextmanager
def spoiling(port: int, spoil: Spoil) -> Iterator[str]:
    """Yield the address of a provider like the one at `port`, whose answers are spoiled."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOPS}
            connection.request(self.command, self.path, self.content() or None, sent)
            answer = connection.getresponse()
            status, body = spoil(answer.status, answer.read())
            self.answer(status, body, dict(answer.getheaders()))
            connection.close()

        do_POST = do_GET  # noqa: N815 - as the library has it

    with _serving(Handler) as url:
        yield url


class _Quiet(BaseHTTPRequestHandler):
    def content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
