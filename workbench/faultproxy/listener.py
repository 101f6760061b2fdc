"""One bound port that can stop listening without losing the port.

Refusing means that the kernel answers, so the socket has to be bound and not listening. Closing it would give
the port away, to any process that asks for a free one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from workbench.faultproxy.addresses import format_address, parse_address

BACKLOG = 1024


class Listener:
    """Not bound at first. Bound by `bind`, accepts after `open`, refuses after `shut`, free after `release`."""

    def __init__(
        self,
        address: str,
        factory: Callable[[], asyncio.BaseProtocol],
        loop: asyncio.AbstractEventLoop,
        *,
        anywhere: bool = False,
    ) -> None:
        self.address = address
        self._anywhere = anywhere
        self._factory = factory
        self._loop = loop
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None

    def move(self, address: str) -> None:
        """Change the address while it is not bound."""
        assert self._socket is None
        self.address = address

    @property
    def is_open(self) -> bool:
        return self._server is not None

    def bind(self) -> None:
        """Take the port. Raises OSError if somebody has it, ValueError if the address is none or not allowed."""
        if self._socket is None:
            self._socket = _bind(*parse_address(self.address, anywhere=self._anywhere))
            self.address = format_address(*self._socket.getsockname()[:2])

    async def open(self) -> None:
        """Accept connections. Raises OSError if the port was taken away."""
        if self._server is None and self._socket is not None:
            # The loop closes what it is given; the port stays with the original.
            given = self._socket.dup()
            try:
                given.listen(BACKLOG)  # the loop does, too, and does not say if it could not
                self._server = await self._loop.create_server(self._factory, sock=given, backlog=BACKLOG)
            except BaseException:
                given.close()
                raise

    def shut(self) -> None:
        """Stop listening and keep the port: connections are refused from now on."""
        if self._server is None or self._socket is None:
            return
        self._server.close()
        self._server = None
        try:
            # On Linux this ends listening for every descriptor of the socket, and leaves it bound.
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Elsewhere the socket has to be replaced; the port is free for the moment in between.
            self._socket.close()
            self._socket = _bind(*parse_address(self.address, anywhere=self._anywhere))

    def release(self) -> None:
        """Give the port away."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bind(host: str, port: int) -> socket.socket:
    if port:
        return _bound(host, port)
    # Linux keeps the port of a socket that stops listening only if it was asked for by number.
    with _bound(host, 0) as scout:
        return _bound(host, scout.getsockname()[1])


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
