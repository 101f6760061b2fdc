"""End an answer too early: some bytes of its body, and never the last ones."""

from __future__ import annotations

from workbench.faultproxy.heads import CHUNKED

_CHUNKED_TAIL = len(b"x\r\n0\r\n\r\n")
"""Without these a chunked body lacks a byte of its data, and its end."""


class Truncation:
    """What may pass of one answer.

    That a body is whole is known only when its end has come, so its last bytes are kept until more follow.
    """

    __slots__ = ("_head", "_keep", "_left", "_tail", "over")

    def __init__(self, after_bytes: int, length: int, head: int) -> None:
        """`length` is the body's as its head has it; the answer begins with `head` bytes that all pass."""
        self._left = after_bytes
        self._keep = _CHUNKED_TAIL if length == CHUNKED else 1
        self._head = head
        self._tail = b""
        self.over = False
        """The connection is to end behind what has passed."""

    def take(self, data: bytes, *, done: bool) -> bytes:
        """Take the answer's next bytes, `done` with its last ones. Return those that pass."""
        head, self._head = self._head, 0
        data = self._tail + data
        size = max(0, min(self._left, len(data) - head - self._keep))
        self._left -= size
        self._tail = data[head + size :]
        self.over = done or self._left == 0
        return data[: head + size]

    def give_back(self) -> bytes:
        """Return what was kept: it passes after all."""
        tail, self._tail = self._tail, b""
        return tail
