"""One caller's connection and the one to the callee behind it: who is there, who has left, and when both are done.

What the bytes mean is the stream's business, when they leave is the pipes'. Ends are passed on one side at a
time: a caller that only finished sending still gets its answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from workbench.faultproxy.active_fault import Influence
from workbench.faultproxy.attempt import EndReason
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.stream import Stream

if TYPE_CHECKING:
    from workbench.faultproxy.edge import Edge

DIAL_TIMEOUT_S = 10.0

LINGER_S = 1.0
"""How long a caller is still read, and not heard, after the end that it got too early."""

_RST_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """Both transports, both pipes and the stream between them."""

    __slots__ = (
        "__weakref__",
        "_answers_here",
        "_callee",
        "_callee_was_lost",
        "_caller",
        "_caller_left",
        "_dialling",
        "_forgotten",
        "_lingering",
        "_loop",
        "_put_off",
        "_reason",
        "_swallowed_by",
        "_touched_by",
        "closed",
        "down",
        "edge",
        "stream",
        "up",
    )

    def __init__(self, edge: Edge, caller: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.edge = edge
        self._loop = loop
        self._caller: asyncio.Transport | None = caller
        self._callee: asyncio.Transport | None = None
        self._callee_was_lost = False
        self._dialling: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._reason: EndReason | None = None
        self._swallowed_by: set[Influence] = set()
        self._touched_by: set[Influence] = set()
        self._answers_here = False
        self._put_off = False
        """The caller has left, and the callee is not told before it has finished."""
        self._caller_left = False
        self._forgotten = False
        self.closed = False
        self.up = Pipe(edge.timers, on_need=self.dial, on_end=self._close_if_done, on_cut=self._end_here)
        self.down = Pipe(
            edge.timers,
            on_need=self.dial,
            on_end=self._close_if_done,
            on_cut=self._end_here,
            on_full=self._hold_caller_back,
        )
        self.up.feed_from(caller)
        self.down.connect(caller)
        self.stream: Stream = edge.new_stream(self)

    # -- the callee -----------------------------------------------------------------------------------

    def dial(self) -> None:
        """Connect to the callee, unless that was begun before."""
        if self._dialling is None and not self.closed:
            self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await self._loop.create_connection(lambda: self.edge.new_callee(self), *self.edge.callee_address())
        except (OSError, TimeoutError, ValueError, OverflowError):
            self.close("upstream_refused")

    def callee_made(self, transport: asyncio.Transport) -> None:
        """The callee has answered the phone."""
        if self.closed:
            transport.abort()
            return
        self._callee = transport
        self.down.feed_from(transport)
        self.up.connect(transport)

    def callee_done(self) -> None:
        """The callee has finished sending."""
        self.stream.callee_done(monotonic_ns())

    def callee_lost(self, error: Exception | None) -> None:
        """The callee's connection is gone, with what was on its way to it."""
        self._callee = None
        if self.closed:
            self._forget()
            return
        self._callee_was_lost = True
        if error is not None:
            self._reason = "upstream_gone"
        self.up.kill()
        self.stream.callee_done(monotonic_ns())
        if not self._swallowed_by:
            self.down.end()
        self._close_if_done()

    # -- the caller -----------------------------------------------------------------------------------

    def caller_done(self) -> None:
        """The caller has finished sending. If it waits for nothing, or for what was swallowed, it has left."""
        if self.closed:
            self._stop_lingering()
        elif self.stream.finishing:
            self._put_off = True
            self.stream.caller_done(monotonic_ns())
        elif self._swallowed_by:
            self.close("client_gone")
        elif self.stream.caller_done(monotonic_ns()):
            self._leave()
        else:
            self.up.end()

    def _leave(self) -> None:
        """Nobody waits for anything: end it, unless something makes the end late."""
        if self.up.has_stages:
            self._caller_left = True
            self.up.end()
        else:
            self.close(None)

    def caller_lost(self, error: Exception | None) -> None:
        """The caller's connection is gone. What it has sent still goes to the callee, held or not."""
        if self.closed:
            self._stop_lingering()
        self._caller = None
        if self.closed:
            self._forget()
            return
        if error is not None:
            self._reason = "client_gone"
        self.stream.end("client_gone" if error is not None else None, monotonic_ns())
        self.down.kill()
        if self.stream.finishing:
            self._put_off = True
            return
        self.up.end()
        self._close_if_done()

    def callee_finished(self) -> None:
        """The callee has answered everything that it was to be left with: what was put off happens now."""
        if self._put_off and self._swallowed_by:
            self.close("client_gone")
        elif self._put_off:
            self.up.end()

    def answers_here(self) -> None:
        """Note that an answer is made here: as long as the caller does not read it, the caller is not read either."""
        self._answers_here = True
        if self.down.full:
            self.up.hold_back(on=True)

    def _hold_caller_back(self, full: bool) -> None:
        if self._answers_here:
            self.up.hold_back(on=full)
            self._answers_here = full

    # -- influences -----------------------------------------------------------------------------------

    def touch(self, influence: Influence) -> None:
        """Note that an influence acts here, so that it can be lifted; on what is over, nothing acts."""
        if not self.closed:
            influence.touched.add(self)
            self._touched_by.add(influence)

    def swallow(self, influence: Influence) -> None:
        """Note that bytes vanish here: the connection cannot be used any more once they no longer do."""
        self.touch(influence)
        self._swallowed_by.add(influence)

    def is_swallowed_by(self, influence: Influence) -> bool:
        """Tell whether bytes have vanished because of an influence."""
        return influence in self._swallowed_by

    def lift(self, influence: Influence) -> None:
        """Free the connection from an influence, or cut it where bytes are missing."""
        self._touched_by.discard(influence)
        influence.release(self)
        if influence in self._swallowed_by:
            self.cut()
        else:
            self.stream.lift(influence)
            self.up.lift(influence)
            self.down.lift(influence)

    # -- the end --------------------------------------------------------------------------------------

    def cut(self) -> None:
        """End it at once, for both."""
        self.close("cut")

    def reset(self) -> None:
        """End it at once, for both by RST."""
        if self._finish("cut"):
            for transport in (self._caller, self._callee):
                if transport is not None:
                    _reset_transport(transport)

    def close(self, reason: EndReason | None) -> None:
        """End it, after what was handed to the transports; None means orderly."""
        if not self._finish(reason):
            return
        for transport in (self._caller, self._callee):
            if transport is not None:
                _close_transport(transport, at_once=reason == "cut")

    def _end_here(self, reset: bool) -> None:
        """The caller has got all that it may get: end it for both, for the caller by RST or by FIN."""
        if not self._finish("cut"):
            return
        if self._callee is not None:
            if reset:
                self._callee.abort()
            else:  # it gets what has passed
                self._callee.close()
                self._loop.call_later(LINGER_S, self._callee.abort)
        caller = self._caller
        if caller is None:
            return
        if reset:
            _reset_transport(caller)
        else:
            # To close a socket that has bytes to read is to send RST, so they are read for a while.
            caller.write_eof()
            caller.resume_reading()
            self._lingering = self._loop.call_later(LINGER_S, caller.abort)

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._caller is not None:
            self._caller.close()

    def _finish(self, reason: EndReason | None) -> bool:
        """Free everything but the transports. Return whether that was still to be done."""
        if self.closed:
            return False
        self.closed = True
        self.stream.end(reason, monotonic_ns())
        self.up.kill()
        self.down.kill()
        if self._dialling is not None and self._callee is None:
            self._dialling.cancel()
        for influence in self._touched_by:
            influence.release(self)
        self._touched_by.clear()
        self.edge.connections.discard(self)
        return True

    def _forget(self) -> None:
        """Let go of all that leads back here, once both are gone and nobody asks any more.

        What is freed at once need not be found by the garbage collection, which holds up everything meanwhile.
        """
        if self._caller is None and self._callee is None and not self._forgotten:
            self._forgotten = True
            self._dialling = None
            self.stream.forget()
            del self.stream, self.up, self.down

    def _close_if_done(self) -> None:
        up_done = self.up.ended or self._callee_was_lost
        down_done = self.down.ended or self._caller is None or self._caller_left
        if up_done and down_done:
            self.close(self._reason)


def _reset_transport(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
    transport.abort()


def _close_transport(transport: asyncio.Transport, *, at_once: bool) -> None:
    if at_once:
        transport.abort()
    else:
        transport.close()


class CalleeEnd(asyncio.Protocol):
    """The dialled side of a connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        callee = cast("asyncio.Transport", transport)
        callee.set_write_buffer_limits(high=0)
        self._connection.callee_made(callee)

    def data_received(self, data: bytes) -> None:
        self._connection.stream.answer_bytes(data)

    def eof_received(self) -> bool:
        self._connection.callee_done()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.callee_lost(exc)

    def pause_writing(self) -> None:
        self._connection.up.block()

    def resume_writing(self) -> None:
        self._connection.up.unblock()
