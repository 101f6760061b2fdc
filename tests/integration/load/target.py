"""An HTTP server whose behaviour is in the path, and that remembers what it was asked."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Target:
    """What it does is in the path; one that says nothing is answered with 200.

    /status/N answers N, /sleep/MS waits, /together/N waits until N have asked, /hang never answers, /reset resets.
    """

    server: ThreadingHTTPServer
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    barriers: dict[str, threading.Barrier] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the headers of every request for a path, in lower case."""
        return [headers for asked, headers in self.requests if asked == path]

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


def start_target() -> Target:
    """Start one on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            _, verb, *argument = self.path.split("/")
            match verb:
                case "hang":
                    target.closing.wait(30)
                case "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                case "sleep":
                    time.sleep(int(argument[0]) / 1000)
                    self.answer(200)
                case "together":
                    target.barriers.setdefault(self.path, threading.Barrier(int(argument[0]))).wait(30)
                    self.answer(200)
                case "status":
                    self.answer(int(argument[0]))
                case _:
                    self.answer(200)

        do_POST = do_GET  # noqa: N815 - named by http.server

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            pass  # clients that are killed leave in the middle of an answer

    target = Target(Server(("127.0.0.1", 0), Handler))
    threading.Thread(target=target.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return target
