"""A fault plane in a process of its own, as the supervisor starts it, and an HTTP callee in a thread."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOKEN = "let-me-in"
DEADLINE_S = 60.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PlaneProcess:
    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str, body: Any = None, token: str | None = TOKEN, **headers: str) -> Answer:
        """Send a request as it is; `body` is JSON unless it is text. Header names have _ for -."""
        content = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        return send(self.port, method, path, content, named)

    def end(self) -> int:
        """Ask it to end; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_S)


def send(port: int, method: str, path: str, body: str | bytes | None, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@contextmanager
def plane_process(token: str | None = TOKEN, **environment: str) -> Iterator[PlaneProcess]:
    """Start a plane on a free port."""
    variables = {**os.environ, "WORKBENCH_CONTROL_PORT": "0", **environment}
    variables.pop("WORKBENCH_TOKEN", None)
    if token is not None:
        variables["WORKBENCH_TOKEN"] = token
    command = [sys.executable, "-m", "workbench.faultproxy"]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first, f"the plane ended with status {process.wait(timeout=DEADLINE_S)}"
        yield PlaneProcess(process, json.loads(first)["control_port"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Callee(BaseHTTPRequestHandler):
    """Answers every request with 200 and counts it."""

    protocol_version = "HTTP/1.1"
    paths: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing when a caller hangs up, which is what some tests are about."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def callee() -> Iterator[tuple[str, list[str]]]:
    """Serve; yields the address and the list of paths that were asked for."""
    paths: list[str] = []
    handler = type("Handler", (Callee,), {"paths": paths})
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", paths
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Wait until something holds. Raises AssertionError that says what did not."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, f"waited {DEADLINE_S:g} s until {what}"
        time.sleep(0.01)
