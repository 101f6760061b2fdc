"""A runner's hold on a stack: while the connection is open the supervisor knows that the runner lives."""

from __future__ import annotations

import json
import queue
import socket
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from workbench.calls import NoAnswer, call_json
from workbench.errors import HarnessError
from workbench.model.stack import RunningStack

_DEADLINE_S = 10.0
"""Longer than the supervisor itself waits for the collector."""


class StackSession:
    """Attached from construction until `release`. If this process dies before, faults are undone for it."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._released = False
        self.lost = False
        """The supervisor is gone."""
        parts = urlsplit(stack.control_url)
        try:
            self._socket = socket.create_connection((parts.hostname, parts.port), timeout=5)
            self._socket.sendall(
                b"POST /attach HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
                b"Authorization: Bearer " + stack.token.encode() + b"\r\n\r\n"
            )
            self._lines = self._socket.makefile("rb")
            status = self._lines.readline()
            while self._lines.readline() not in (b"\r\n", b""):
                pass
        except OSError as error:
            raise HarnessError(f"cannot attach to the supervisor: {error}", hint="workbench down") from error
        if b" 200 " not in status:
            raise HarnessError(f"the supervisor refused to be attached to: {status.decode(errors='replace').strip()}")
        self._socket.settimeout(None)
        threading.Thread(target=self._read, name="stack-events", daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            for line in self._lines:
                self._events.put(json.loads(line))
        if not self._released:
            self.lost = True

    def events(self) -> list[dict[str, Any]]:
        """Return what happened since the last call: `{"event": "died", "name", "status", "log_tail"}`."""
        found = []
        with suppress(queue.Empty):
            while True:
                found.append(self._events.get_nowait())
        return found

    def watch_over(self, processes: dict[str, int]) -> None:
        """Have the supervisor kill these processes should we die. Raises HarnessError."""
        try:
            url = f"{self._stack.control_url}/processes"
            call_json("POST", url, token=self._stack.token, body=processes, deadline_s=_DEADLINE_S)
        except NoAnswer as error:
            raise HarnessError(f"the supervisor does not answer: {error}") from error

    def release(self) -> None:
        """Let go in good order."""
        self._released = True
        with suppress(OSError):
            self._socket.sendall(b"release\n")
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(2)
            while self._socket.recv(4096):
                pass
        with suppress(OSError):
            self._socket.close()
