# ruff: noqa: T201 - what it prints is its log
"""Two services of the standard library: front asks back. They know nothing of the workbench."""

from __future__ import annotations

import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(b"word")

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


class _Aside(_Back):
    def do_GET(self) -> None:
        self.answer(b"aside")


class _Front(_Back):
    def do_GET(self) -> None:
        if self.path == "/die":
            os._exit(7)
        if self.path == "/ready":
            self.answer(b"ready")
            return
        back = os.environ["BACK_URL"]  # of a tcp edge it is host:port
        url = back if "//" in back else f"http://{back}/"
        with urllib.request.urlopen(url, timeout=5) as heard:  # noqa: S310 - it is http
            self.answer(heard.read() + f" (bugs: {os.environ['WORKBENCH_BUGS']})".encode())


def front() -> None:
    print("front starts", flush=True)
    _serve(_Front)


def back() -> None:
    print("back starts", flush=True)
    if Path("back_cannot_start").exists():
        raise SystemExit("back has no words to give")
    if "ASIDE_PORT" in os.environ:
        aside = ThreadingHTTPServer(("127.0.0.1", int(os.environ["ASIDE_PORT"])), _Aside)
        threading.Thread(target=aside.serve_forever, daemon=True).start()
    _serve(_Back)


def _serve(handler: type[BaseHTTPRequestHandler]) -> None:
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), handler).serve_forever()
