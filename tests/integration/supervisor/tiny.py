# ruff: noqa: T201 - what it prints is its log
"""A service that answers everything, for stacks that test the supervisor and nothing else."""

from __future__ import annotations

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class _Answer(BaseHTTPRequestHandler):
    def _all(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or "0"))
        with Path(os.environ["TINY_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {body.decode()}\n")
        content = b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _all  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None: ...


def main() -> None:
    """Answer until killed, or die as TINY_DIES says."""
    print("tiny starts", flush=True)
    if "TINY_DIES" in os.environ:
        print("cannot find my database", flush=True)
        sys.exit(3)
    if "TINY_HANGS" in os.environ:
        time.sleep(60)
    HTTPServer(("127.0.0.1", int(os.environ["TINY_PORT"])), _Answer).serve_forever()


if __name__ == "__main__":
    main()
