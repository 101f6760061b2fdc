"""Requests of our own over an edge, or past it: the only way to see an edge as its caller does."""

from __future__ import annotations

import http.client
import secrets
import socket
import time

from workbench.model.names import CANARY_HEADER
from workbench.model.stack import RunningStack
from workbench.model.system import System
from workbench.relay import ASKING, CONNECTED, REFUSED

_TIMEOUT_S = 1.0
"""A canary slower than this is not back in band."""


class Canary:
    """Sends them for one stack. `system` tells where they may go without doing harm."""

    def __init__(self, stack: RunningStack, system: System | None) -> None:
        self._stack = stack
        self._system = system
        self.token = secrets.token_hex(8)
        """By this a plane that understands HTTP knows them, and does not count them."""

    def send(self, edge: str, *, past_the_plane: bool = False) -> str:
        """Send one request to the callee's readiness address; on a TCP edge, connect.

        Return `answered`, `slow`, `refused` or `broken`.
        """
        address = self._stack.edges[edge]
        ends = address.inside or address
        to = ends.upstream if past_the_plane else ends.listener
        connection = http.client.HTTPConnection(to, timeout=_TIMEOUT_S)
        began = time.monotonic()
        try:
            connection.sock = _connected(to) if address.inside is None else self._relayed(to, address.inside.relay)
            if address.protocol == "http":
                connection.request("GET", self._ready_path(edge), headers={CANARY_HEADER: self.token})
                connection.getresponse().read()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "slow"
        except (OSError, http.client.HTTPException):
            return "broken"
        finally:
            connection.close()
        return "answered" if time.monotonic() - began < _TIMEOUT_S else "slow"

    def _relayed(self, to: str, relay: str) -> socket.socket:
        """Return a connection by way of the relay. Raises OSError as if it had been made from here."""
        try:
            connection = _connected(relay)
        except ConnectionRefusedError as error:
            raise ConnectionAbortedError("the relay is away") from error
        said = b""
        try:
            connection.sendall(ASKING + self._stack.token.encode() + b" " + to.encode() + b"\n")
            while not said.endswith(b"\n") and (byte := connection.recv(1)):  # what comes behind the line is not ours
                said += byte
        except OSError:
            connection.close()
            raise
        if said == CONNECTED:
            return connection
        connection.close()
        raise ConnectionRefusedError(to) if said == REFUSED else ConnectionAbortedError(to)

    def _ready_path(self, edge: str) -> str:
        callee = edge.partition(":")[2]
        return self._system.services[callee].ready if self._system is not None else "/"


def _connected(to: str) -> socket.socket:
    host, _, port = to.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=_TIMEOUT_S)
