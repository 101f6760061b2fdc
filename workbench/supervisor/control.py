"""The supervisor's control API: HTTP on loopback, with a token.

`POST /attach` stays open: its lines are events for the runner, and its end tells that the runner is gone,
unless the runner has written `release` before.
"""

from __future__ import annotations

import hmac
import json
import queue
import select
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from workbench.calls import NoAnswer
from workbench.supervisor.stack import Stack

_POLL_S = 0.05


class ControlServer(ThreadingHTTPServer):
    """Serves one stack."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, stack: Stack) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.stack = stack

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - a client that left is no news
        return


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self._refused():
            return
        if self.path == "/status":
            self._answer(HTTPStatus.OK, self.server.stack.status())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is no {self.path}"})

    def do_POST(self) -> None:
        if self._refused():
            return
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or "0")) or b"{}")
        match self.path:
            case "/attach":
                self._attach()
            case "/processes":
                self._adopt(body)
            case "/undo":
                self.server.stack.undo_faults()
                self._answer(HTTPStatus.OK, {})
            case "/shutdown":
                self.server.stack.quick = bool(body.get("quick"))
                self._answer(HTTPStatus.OK, {})
                self.server.stack.shutdown.set()
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is no {self.path}"})

    def _adopt(self, processes: dict[str, int]) -> None:
        try:
            self.server.stack.adopt(processes)
        except NoAnswer as error:
            self._answer(HTTPStatus.BAD_GATEWAY, {"error": str(error)})
        else:
            self._answer(HTTPStatus.OK, {})

    def _attach(self) -> None:
        stack, connection = self.server.stack, self.connection
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        events = stack.listen()
        try:
            match self._follow(connection, events):
                case "released":
                    stack.runner_released()
                case "gone":
                    stack.runner_gone()
                case "down":
                    pass  # the stack ends, and what it watches over ends with it
        finally:
            stack.forget(events)

    def _follow(
        self, connection: socket.socket, events: queue.SimpleQueue[dict[str, Any]]
    ) -> Literal["released", "gone", "down"]:
        """Pass events on until the runner releases or is gone, or the stack ends."""
        while not self.server.stack.shutdown.is_set():
            try:
                readable, _, _ = select.select([connection], [], [], _POLL_S)
                if readable:
                    return "released" if connection.recv(64).startswith(b"release") else "gone"
                while True:
                    self.wfile.write(json.dumps(events.get_nowait()).encode() + b"\n")
            except queue.Empty:
                continue
            except OSError:
                return "gone"
        return "down"

    def _refused(self) -> bool:
        given = self.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.server.stack.spec.token}".encode()):
            return False
        self._answer(HTTPStatus.UNAUTHORIZED, {"error": "wrong or missing token"})
        return True

    def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the supervisor's log is for what matters."""
