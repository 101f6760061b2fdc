"""Messages to the kernel's packet filter over netlink: a table that dies with its socket, and a queue of packets.

Formats: linux/netlink.h, linux/netfilter/nfnetlink.h, nf_tables.h, nfnetlink_queue.h and xt_NFQUEUE.h. Whole numbers in
attributes are big-endian, those of headers as the machine has them.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator, Sequence

_NETFILTER = 12
"""NETLINK_NETFILTER."""
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_ERROR = 2
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_TABLES, _QUEUE = 10 << 8, 3 << 8
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = _TABLES, _TABLES | 3, _TABLES | 6
_PACKET, _VERDICT, _CONFIGURE = _QUEUE, _QUEUE | 1, _QUEUE | 2
_NESTED = 0x8000
_OWNER = 2
"""NFT_TABLE_F_OWNER: nobody else may change it, and it goes with the socket (Linux 5.12)."""
_LOCAL_IN, _ACCEPT, _DROP = 1, 1, 0
_TCP = b"\x06"
_BYPASS = 1
_FAIL_OPEN = 1
_META_ONLY = 1
_LONGEST = 1 << 16
_PATIENCE_S = 5.0
_CHAIN = "arriving"


class Filter:
    """A table of nftables that sends the packets from and to one port to a queue. Raises OSError.

    They are taken where they arrive: of what vanishes where it leaves, TCP would know at once.
    """

    def __init__(self, host: str, port: int, queue: int, name: str, *, hooked: bool = True) -> None:
        """Without being `hooked` it is made, and meets no packet."""
        address = ipaddress.ip_address(host)
        self._family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._name = name
        self._socket = _opened()
        hook = [_nested(4, _number(1, _LOCAL_IN), _number(2, 0)), _number(5, _ACCEPT), _text(7, "filter")]
        messages = [
            (_NEW_TABLE, [_text(1, name), _number(2, _OWNER)]),
            (_NEW_CHAIN, [_text(1, name), _text(3, _CHAIN), *(hook if hooked else [])]),
            (_NEW_RULE, self._rule(address.packed, port, queue, towards=True)),
            (_NEW_RULE, self._rule(address.packed, port, queue, towards=False)),
        ]
        try:
            self._carry_out(messages)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Take it away, as the kernel does when its socket is closed. Packets pass by the queue from now on."""
        self._socket.close()

    def _rule(self, host: bytes, port: int, queue: int, *, towards: bool) -> list[bytes]:
        offset = (16 if towards else 12) if len(host) == 4 else (24 if towards else 8)
        expressions = [
            _expression("meta", _number(1, 1), _number(2, 16)),
            _equals(_TCP),
            _expression("payload", _number(1, 1), _number(2, 1), _number(3, offset), _number(4, len(host))),
            _equals(host),
            _expression("payload", _number(1, 1), _number(2, 2), _number(3, 2 if towards else 0), _number(4, 2)),
            _equals(struct.pack(">H", port)),
            # As iptables does it: kernels that have nftables need not have a queue of its own.
            _expression(
                "target", _text(1, "NFQUEUE"), _number(2, 3), _attribute(3, struct.pack("=HHHH", queue, 1, _BYPASS, 0))
            ),
        ]
        return [_text(1, self._name), _text(2, _CHAIN), _nested(4, *expressions)]

    def _carry_out(self, messages: Sequence[tuple[int, list[bytes]]]) -> None:
        """Have the kernel do all of it, or nothing."""
        flags = _REQUEST | _ACK | _CREATE | _APPEND
        batch = [_message(_BATCH_BEGIN, _REQUEST, 0, _TABLES >> 8)]
        batch += [_message(type_, flags, self._family, 0, *attributes) for type_, attributes in messages]
        batch.append(_message(_BATCH_END, _REQUEST, 0, _TABLES >> 8))
        self._socket.send(b"".join(batch))
        answered = 0
        while answered < len(messages):
            for type_, body in _messages(self._socket.recv(_LONGEST)):
                answered += 1
                _raise_if(type_, body)


class Queue:
    """The kernel's queue of that number; packets have ids. Raises OSError, also if somebody else has it."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._socket = _opened()
        try:
            self._configure(_attribute(1, struct.pack(">BBH", 1, 0, 0)))
            self._configure(_attribute(2, struct.pack(">IB", 0, _META_ONLY)))
            # What does not fit into it passes: more than its share is not to be lost.
            self._configure(_number(4, _FAIL_OPEN), _number(5, _FAIL_OPEN))
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that can be read when there are packets."""
        return self._socket.fileno()

    def arrived(self) -> list[int]:
        """Return the ids of packets that came since it was asked last, in their order, some of them at least."""
        try:
            told = self._socket.recv(_LONGEST)
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # there were more than could be told of: those have passed
                raise
            return []
        return [id_ for type_, body in _messages(told) if type_ == _PACKET for id_ in _packet_ids(body)]

    def decide(self, packet: int, *, drop: bool = False) -> None:
        """Let a packet pass, or drop it."""
        verdict = struct.pack(">II", _DROP if drop else _ACCEPT, packet)
        self._socket.send(_message(_VERDICT, _REQUEST, 0, self._number, _attribute(2, verdict)))

    def close(self) -> None:
        """Leave it. The kernel drops what waits in it, so nothing should."""
        self._socket.close()

    def _configure(self, *attributes: bytes) -> None:
        self._socket.send(_message(_CONFIGURE, _REQUEST | _ACK, 0, self._number, *attributes))
        for type_, body in _messages(self._socket.recv(_LONGEST)):
            _raise_if(type_, body)


def _opened() -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    opened.settimeout(_PATIENCE_S)
    opened.bind((0, 0))
    return opened


def _message(type_: int, flags: int, family: int, resource: int, *attributes: bytes) -> bytes:
    body = struct.pack(">BBH", family, 0, resource) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), type_, flags, 0, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each message."""
    at = 0
    while at + 16 <= len(data):
        length, type_ = struct.unpack_from("=IH", data, at)
        if length < 16:
            return
        yield type_, data[at + 16 : at + length]
        at += -(-length // 4) * 4


def _packet_ids(body: bytes) -> Iterator[int]:
    at = 4  # behind the header of netfilter
    while at + 4 <= len(body):
        length, type_ = struct.unpack_from("=HH", body, at)
        if length < 4:
            return
        if type_ & ~_NESTED == 1:
            yield struct.unpack_from(">I", body, at + 4)[0]
        at += -(-length // 4) * 4


def _raise_if(type_: int, body: bytes) -> None:
    """Raise the error that a message tells of, if it does."""
    if type_ == _ERROR and (number := -struct.unpack_from("=i", body)[0]):
        raise OSError(number, os.strerror(number))


def _attribute(type_: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), type_) + value + bytes(-len(value) % 4)


def _nested(type_: int, *attributes: bytes) -> bytes:
    return _attribute(type_ | _NESTED, b"".join(attributes))


def _number(type_: int, value: int) -> bytes:
    return _attribute(type_, struct.pack(">I", value))


def _text(type_: int, value: str) -> bytes:
    return _attribute(type_, value.encode("ascii") + b"\0")


def _expression(name: str, *attributes: bytes) -> bytes:
    return _nested(1, _text(1, name), _nested(2, *attributes))


def _equals(value: bytes) -> bytes:
    return _expression("cmp", _number(1, 1), _number(2, 0), _nested(3, _attribute(1, value)))
