"""An edge of a server that speaks Toxiproxy's API, with plain sockets at both ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from tests.integration.faultproxy.process import Answer
from tests.integration.faultproxy.toxiproxy_servers import ask
from tests.integration.faultproxy.toxiproxy_steps import TOXICS, order

Side = Literal["upstream", "downstream"]
DEADLINE_S = 60.0


@dataclass
class Ends:
    """A connection through the edge: the caller's socket and the callee's."""

    caller: socket.socket
    callee: socket.socket

    def along(self, side: Side) -> tuple[socket.socket, socket.socket]:
        """Return who sends and who receives in a direction."""
        return (self.caller, self.callee) if side == "upstream" else (self.callee, self.caller)

    def passes(self, side: Side, data: bytes = b"hello") -> bool:
        """Tell whether bytes come through whole."""
        sender, receiver = self.along(side)
        sender.sendall(data)
        return receive(receiver, len(data)) == data


@dataclass
class Wire:
    """An edge, by the address of its server."""

    server: int
    port: int
    listener: socket.socket

    def connect(self) -> Ends:
        caller = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        callee, _ = self.listener.accept()
        callee.settimeout(DEADLINE_S)
        return Ends(caller, callee)

    def put_on(self, kind: str, stream: Side, toxicity: float = 1.0, **attributes: int) -> None:
        made = self.ask("POST", "", {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes})
        assert made.status == 200, made.body

    def change(self, kind: str, stream: Side, **attributes: int) -> None:
        assert self.ask("PATCH", f"/{kind}_{stream}", {"attributes": attributes}).status == 200

    def take_off(self, kind: str, stream: Side) -> None:
        assert self.ask("DELETE", f"/{kind}_{stream}").status == 204

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return ask(self.server, method, TOXICS + path, body)


@contextmanager
def wired(server: int) -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.settimeout(DEADLINE_S)
        upstream = f"127.0.0.1:{listener.getsockname()[1]}"
        made = ask(server, "POST", "/proxies", order("x", upstream=upstream))
        yield Wire(server, int(made.json["listen"].rpartition(":")[2]), listener)
        ask(server, "DELETE", "/proxies/x")


def receive(receiver: socket.socket, size: int) -> bytes:
    """Return so many bytes, less if the connection ends before."""
    data = b""
    while len(data) < size and (more := receiver.recv(size - len(data))):
        data += more
    return data


def rest(receiver: socket.socket) -> bytes:
    """Return what comes until the orderly end of the connection."""
    data = b""
    while more := receiver.recv(65536):
        data += more
    return data


def end_of(receiver: socket.socket) -> str:
    """Wait until the connection ends; return how."""
    try:
        rest(receiver)
    except ConnectionResetError:
        return "reset"
    return "closed"


def silent(receiver: socket.socket, seconds: float = 0.25) -> bool:
    """Tell whether nothing comes for a while."""
    receiver.settimeout(seconds)
    try:
        with suppress(TimeoutError):
            receiver.recv(1)
            return False
        return True
    finally:
        receiver.settimeout(DEADLINE_S)


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    """Assert that something takes its time."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start >= seconds
