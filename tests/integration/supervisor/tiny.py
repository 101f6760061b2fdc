# ruff: noqa: T201 - what it prints is its log
"""A service that answers everything, for stacks that test the supervisor and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_taken: list[bytearray] = []
"""What was asked to be taken of memory, in MiB each."""


class _Answer(BaseHTTPRequestHandler):
    def _all(self) -> None:
        if self.path.startswith("/take/"):
            _taken.append(bytearray(int(self.path.removeprefix("/take/")) * 2**20))
        body = self.rfile.read(int(self.headers.get("content-length") or "0"))
        with Path(os.environ["TINY_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {body.decode()}\n")
        if self.command == "DELETE" and self.path.startswith("/proxies/"):
            os.environ.pop("TINY_KEEPS_FAULTS", None)
        content = b'{"faults": ["f"]}' if self.path == "/faults" and "TINY_KEEPS_FAULTS" in os.environ else b"{}"
        self.send_response(500 if self.path == os.environ.get("TINY_FAILS_AT") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _all  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None: ...


def main() -> None:
    """Answer until killed, or behave badly as the variables TINY_... say."""
    print("tiny starts", flush=True)
    if "TINY_DIES" in os.environ or Path(os.environ.get("TINY_DIES_IF", "/nowhere")).exists():
        print("cannot find my database", flush=True)
        sys.exit(3)
    while Path(os.environ.get("TINY_WAITS_WHILE", "/nowhere")).exists():
        time.sleep(0.02)
    if "TINY_HANGS" in os.environ:
        time.sleep(600)
    if "TINY_STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "TINY_CHILD" in os.environ:
        subprocess.Popen(["sleep", "600"])
    HTTPServer(("127.0.0.1", int(os.environ["TINY_PORT"])), _Answer).serve_forever()


if __name__ == "__main__":
    main()
