"""The supervisor's control API: HTTP on loopback, with a token.

`POST /attach` stays open: its lines are events for the runner, and its end tells that the runner is gone,
unless the runner has written `release` before. `/faults` is about services and servers, as that of the fault plane is
about edges.
"""

from __future__ import annotations

import hmac
import json
import queue
import select
import socket
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from workbench.calls import NoAnswer
from workbench.supervisor.deeds import NotDone
from workbench.supervisor.faults import Clash
from workbench.supervisor.orders import UnknownTarget
from workbench.supervisor.stack import Stack
from workbench.supervisor.wire import ProcessFaultList, ProcessFaultOrder

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
        elif self.path == "/faults":
            self._answer(HTTPStatus.OK, asdict(ProcessFaultList(self.server.stack.faults.states())))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path}")

    def do_POST(self) -> None:
        if self._refused():
            return
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or "0")) or b"{}")
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}")
            return
        match self.path:
            case "/attach":
                self._attach()
            case "/processes":
                self._adopt(body)
            case "/undo":
                self._undo_all()
            case "/faults":
                self._fault(lambda: self.server.stack.faults.inject(ProcessFaultOrder(**body)))
            case "/faults/renew":
                self._renew(body)
            case "/shutdown":
                self.server.stack.quick = bool(body.get("quick"))
                try:
                    self._answer(HTTPStatus.OK, {})
                finally:  # whoever no longer waits for an answer means it all the same
                    self.server.stack.shutdown.set()
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path}")

    def do_DELETE(self) -> None:
        if self._refused():
            return
        fault_id = self.path.removeprefix("/faults/")
        if fault_id == self.path or not fault_id:
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path}")
            return
        self._fault(lambda: self.server.stack.faults.remove(fault_id))

    def _fault(self, change: Callable[[], Any]) -> None:
        """Answer with the state of the fault that is put on, or taken off."""
        try:
            state = change()
        except UnknownTarget as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except Clash as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        except NotDone as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except (TypeError, ValueError, KeyError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"this is no fault: {error}")
        else:
            if state is None:
                self._refuse(HTTPStatus.NOT_FOUND, "there is no such fault")
            else:
                self._answer(HTTPStatus.OK, asdict(state))

    def _renew(self, body: dict[str, Any]) -> None:
        try:
            renewal = self.server.stack.faults.renew(list(body["ids"]), int(body["lease_ms"]))
        except (TypeError, ValueError, KeyError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"this is no renewal: {error}")
        else:
            self._answer(HTTPStatus.OK, renewal)

    def _undo_all(self) -> None:
        problems = self.server.stack.undo_faults()
        if problems:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "; ".join(problems))
        else:
            self._answer(HTTPStatus.OK, {})

    def _adopt(self, processes: dict[str, int]) -> None:
        try:
            self.server.stack.adopt(processes)
        except NoAnswer as error:
            self._refuse(HTTPStatus.BAD_GATEWAY, str(error))
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
        self._refuse(HTTPStatus.UNAUTHORIZED, "wrong or missing token")
        return True

    def _refuse(self, status: HTTPStatus, error: str) -> None:
        self._answer(status, {"error": error, "status": int(status)})

    def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the supervisor's log is for what matters."""
