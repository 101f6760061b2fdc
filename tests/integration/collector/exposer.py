"""A service that exposes metrics: what it answers can be changed while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Exposer:
    """`text` is answered; `status` other than 200, or `hanging`, is a scrape that fails."""

    server: ThreadingHTTPServer
    text: str = "calls_total 1\n"
    status: int = 200
    scrapes: int = 0
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/metrics"

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def start_exposer(text: str = "calls_total 1\n") -> Exposer:
    """Start one on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            exposer.scrapes += 1
            if exposer.hanging.is_set():
                exposer.released.wait(60)
            content = exposer.text.encode()
            self.send_response(exposer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a scrape that was given up

    exposer = Exposer(Server(("127.0.0.1", 0), Handler), text)
    threading.Thread(target=exposer.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return exposer
