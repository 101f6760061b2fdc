"""A loop and a clock that move only when told, and a transport that remembers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, cast


class Timer:
    def __init__(self, due_ns: int, callback: Callable[[], Any]) -> None:
        self.due_ns = due_ns
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clockwork:
    """Stands in for the event loop where only `call_later` is used, and for `monotonic_ns`."""

    def __init__(self) -> None:
        self.now = 1_000_000_000
        self.timers: list[Timer] = []
        self.tasks = 0

    def monotonic_ns(self) -> int:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Timer:
        timer = Timer(self.now + round(delay * 1e9), callback)
        self.timers.append(timer)
        return timer

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> Timer:
        """Count it; whoever runs the test does what it would have done."""
        coroutine.close()
        self.tasks += 1
        return Timer(0, lambda: None)

    def advance_ms(self, ms: float) -> None:
        """Move on, and run what falls due, in order."""
        end = self.now + round(ms * 1e6)
        while due := sorted((t for t in self.timers if not t.cancelled and t.due_ns <= end), key=lambda t: t.due_ns):
            self.timers.remove(due[0])
            self.now = max(self.now, due[0].due_ns)
            due[0].callback()
        self.now = end

    @property
    def waiting(self) -> int:
        return sum(not timer.cancelled for timer in self.timers)

    def as_loop(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)


class Transport:
    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.paused = False
        self.closed = False
        self.aborted = False
        self.lingers = True
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.data += data

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> Transport:
        assert name == "socket"
        return self

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        assert (level, option, value) == (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.lingers = False

    @property
    def reset(self) -> bool:
        """What was not sent is gone, and the other side is told by RST."""
        return self.aborted and not self.lingers

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0, "what is not sent at once pauses the source"

    def get_protocol(self) -> asyncio.BaseProtocol | None:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert self.paused, "uvloop takes a protocol of another type only between two reads"
        self.protocol = protocol

    def is_reading(self) -> bool:
        return not self.paused

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def as_transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self)
