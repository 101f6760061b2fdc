"""A server behind the real Toxiproxy under a real supervisor, and a service that counts what it meets of its faults."""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from tests.integration.supervisor.marks import DEADLINE_S
from tests.integration.supervisor.rig import Rig
from tests.ports import free_ports
from workbench.calls import call_json
from workbench.supervisor.spec import PlaneSpec

LEASE_MS = 60_000


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line)


class Served:
    """A server behind Toxiproxy, a supervisor that knows of it, and a service that says what it was told."""

    def __init__(self, rig: Rig, program: str) -> None:
        self.rig = rig
        api, self.listen = free_ports(2)
        self.api = f"http://127.0.0.1:{api}"
        self._echo = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo)
        self._echo.daemon_threads = True
        threading.Thread(target=self._echo.serve_forever, args=(0.05,), daemon=True).start()
        upstream = f"127.0.0.1:{self._echo.server_address[1]}"
        proxy = {"name": "words", "listen": f"127.0.0.1:{self.listen}", "upstream": upstream, "enabled": True}
        rig.processes["toxiproxy"] = replace(
            rig.processes["shelf"],
            name="toxiproxy",
            target=None,
            argv=[program, "-port", str(api)],
            log=str(rig.folder / "logs" / "toxiproxy.log"),
            ready_url=f"{self.api}/version",
            essential=True,
        )
        rig.planes = [PlaneSpec("toxiproxy", self.api, [proxy])]

    def close(self) -> None:
        self._echo.shutdown()
        self._echo.server_close()

    def says(self) -> float | None:
        """Return how long one exchange takes on a connection of its own, in s; None if nobody takes it."""
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self.listen), timeout=DEADLINE_S) as connection:
                connection.sendall(b"word\n")
                if connection.recv(16) != b"word\n":
                    return None
        except OSError:
            return None
        return time.monotonic() - began

    def proxy(self) -> dict[str, Any]:
        found: dict[str, Any] = call_json("GET", f"{self.api}/proxies/words", deadline_s=DEADLINE_S)
        return found

    def is_whole(self) -> bool:
        proxy = self.proxy()
        return bool(proxy["enabled"]) and proxy["toxics"] == []


class Counting(socketserver.StreamRequestHandler):
    """As much of a service as takes disturbances: one at a time, and it says that it has met seven."""

    held: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - emptied by each test
    before: ClassVar[Callable[[str], object]] = str
    """Called with the method of each request before it is done."""

    def handle(self) -> None:
        method, path, _ = self.rfile.readline().decode().split(" ", 2)
        headers = http.client.parse_headers(self.rfile)
        body, name = self.rfile.read(int(headers.get("content-length", 0))), path.rpartition("/")[2]
        type(self).before(method)
        only_renews = headers.get("if-match") == "*"
        if method == "PUT" and (name in self.held or not only_renews):
            self.held[name] = json.loads(body)
        known = name in self.held
        answer: Any = self._document(name) if known else {"disturbances": [self._document(one) for one in self.held]}
        if method == "DELETE" and known:
            del self.held[name]
        absent = "412 Precondition Failed" if only_renews else "404 Not Found"
        status = "200 OK" if known or name == "disturbances" else absent
        content = json.dumps(answer)
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n{content}".encode())

    def _document(self, name: str) -> dict[str, Any]:
        wanted = self.held[name]
        return {"id": name, "resource": wanted["resource"], "do": wanted["do"], "eligible": 7, "hit": 7, "passed": 0}
