"""Requests of our own over an edge, or past it: the only way to see an edge as its caller does."""

from __future__ import annotations

import http.client
import secrets
import time

from workbench.model.names import CANARY_HEADER
from workbench.model.stack import RunningStack
from workbench.model.system import System

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
        host, _, port = (address.upstream if past_the_plane else address.listener).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_TIMEOUT_S)
        began = time.monotonic()
        try:
            connection.connect()
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

    def _ready_path(self, edge: str) -> str:
        callee = edge.partition(":")[2]
        return self._system.services[callee].ready if self._system is not None else "/"
