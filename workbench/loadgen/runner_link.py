"""The pipes to the runner: messages out, the start signal in, and notice that the runner is gone.

A native thread reads stdin, not a greenlet: user code that blocks the event loop must not keep the child
alive after its runner has died. Whatever user code prints goes to stderr; stdout carries messages only.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import gevent
import gevent.event
from gevent import monkey

from workbench.model.loadjob import LoadMessage, StartSignal

GRACE_S = 3.0
"""Time to write what there is after the runner has gone; then the process ends whatever it is doing."""

RUNNER_GONE = 3
"""Exit status of a child whose runner went away."""

_start_thread: Any = monkey.get_original("_thread", "start_new_thread")
_sleep: Any = monkey.get_original("time", "sleep")


class RunnerLink:
    """`start` holds the start signal once it was read; `gone` is set when stdin has ended or stdout broke."""

    def __init__(self) -> None:
        self.start: Any = gevent.event.AsyncResult()
        self.gone: Any = gevent.event.Event()
        self._messages = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._line: bytes | None = None
        self._ended = False
        self._wake: Any = gevent.get_hub().loop.async_()
        self._wake.start(self._on_input)
        _start_thread(self._read_stdin, ())

    def send(self, message: LoadMessage) -> None:
        """Print one message. A runner that no longer reads is a runner that is gone."""
        content = memoryview(message.model_dump_json().encode() + b"\n")
        try:
            while content:
                content = content[os.write(self._messages, content) :]
        except OSError:
            self.gone.set()

    def _read_stdin(self) -> None:
        """Run in a native thread: only plain system calls and the wake-up of the loop are allowed here."""
        pending = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(0, 65536):
                pending += chunk
                line, newline, _ = pending.partition(b"\n")
                if newline and self._line is None:
                    self._line = line
                    self._wake.send()
        self._ended = True
        with contextlib.suppress(Exception):  # the loop may be gone already
            self._wake.send()
        _sleep(GRACE_S)
        os._exit(RUNNER_GONE)

    def _on_input(self) -> None:
        """Run in the event loop."""
        if self._line is not None and not self.start.ready():
            try:
                self.start.set(StartSignal.model_validate_json(self._line))
            except ValueError as error:
                self.start.set_exception(error)
        if self._ended:
            self.gone.set()
