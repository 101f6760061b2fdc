"""Have the kernel drop packets of a port: by a table of nftables that belongs to this process and ends with it.

The table is made with the flag `owner` (Linux 5.12): nobody else can change it, and the kernel removes it as soon as
the netlink socket that made it is closed, however the process ends. So a loss cannot be left behind, which no queueing
discipline can promise (docs/adr/0011). libnftables keeps that socket open, in this very process.
"""

from __future__ import annotations

import ctypes
import ipaddress
import itertools
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.faultproxy.addresses import parse_address

_LIBRARY = "libnftables.so.1"
_COUNTER = re.compile(r"counter (\w+) \{\s*packets (\d+)")
"""As text: what libnftables 1.0.6 says in JSON of tables that have an owner spoils its memory."""
_PARTS = 1_000_000
"""How finely a share can be drawn."""
_CAP_NET_ADMIN = 1 << 12
_numbers = itertools.count(1)

# Packets of both directions are dropped where they arrive: of what is dropped where it leaves, TCP would know at once.
_TABLE = """
add table inet {table} {{ flags owner; }}
add counter inet {table} seen
add counter inet {table} lost
add chain inet {table} drawn
add rule inet {table} drawn counter name seen
add rule inet {table} drawn numgen random mod {parts} <= {last} counter name lost drop
"""
_HOOK = """
add chain inet {table} arriving {{ type filter hook input priority 0; policy accept; }}
add rule inet {table} arriving {family} daddr {host} tcp dport {port} jump drawn
add rule inet {table} arriving {family} saddr {host} tcp sport {port} jump drawn
"""


class Loss:
    """A part of the packets from and to one loopback address is lost, from now on until it is ended.

    Raises OSError where this machine, or who we are on it, does not allow that, and ValueError for another address.
    """

    def __init__(self, address: str, share: float) -> None:
        host, port = parse_address(address)
        family = "ip" if ipaddress.ip_address(host).version == 4 else "ip6"
        self._tables = _Tables()
        self._name = f"workbench_{os.getpid()}_{next(_numbers)}"
        last = max(round(share * _PARTS), 1) - 1
        try:
            self._tables.run(
                _TABLE.format(table=self._name, parts=_PARTS, last=last)
                + _HOOK.format(table=self._name, family=family, host=host, port=port)
            )
        except BaseException:
            self._tables.close()
            raise

    def counts(self) -> tuple[int, int]:
        """Return how many packets there were, and how many of them were lost. Raises OSError if the table is gone."""
        return self._tables.counts(self._name)

    def end(self) -> tuple[int, int]:
        """Lose no more, and return the last counts."""
        try:
            self._tables.run(f"flush chain inet {self._name} drawn")  # so that none is lost behind the counts
            return self.counts()
        finally:
            self._tables.close()


@lru_cache(maxsize=1)
def obstacle() -> str | None:
    """Say what keeps this process from having packets dropped; None: nothing. It is tried, on no packet at all."""
    if not _may_administer():  # libnftables would write that to stderr, in its own words
        return "it takes root, or CAP_NET_ADMIN"
    name = f"workbench_{os.getpid()}_{next(_numbers)}"
    try:
        tables = _Tables()
    except OSError:
        return f"{_LIBRARY} is not here (Debian: apt-get install libnftables1)"
    try:
        tables.run(_TABLE.format(table=name, parts=_PARTS, last=0))
        tables.counts(name)
    except OSError as error:
        return f"the kernel does not take the rules (Linux 5.12 with nftables does): {str(error).splitlines()[0]}"
    finally:
        tables.close()
    return None


def _may_administer() -> bool:
    """Tell whether this process has CAP_NET_ADMIN."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return False
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) & _CAP_NET_ADMIN)


class _Tables:
    """A netlink socket, and the tables that were made through it. Raises OSError if the library is not there."""

    def __init__(self) -> None:
        self._library = _library()
        self._context: Any = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, commands: str) -> str:
        """Have all commands carried out, or none, and return what they print. Raises OSError with what was wrong."""
        if self._library.nft_run_cmd_from_buffer(self._context, commands.encode()):
            raise OSError(self._library.nft_ctx_get_error_buffer(self._context).decode().strip() or "nftables failed")
        return str(self._library.nft_ctx_get_output_buffer(self._context).decode())

    def counts(self, table: str) -> tuple[int, int]:
        """Return what the counters of a table say: packets seen, and packets lost. Raises OSError."""
        packets = dict(_COUNTER.findall(self.run(f"list counters table inet {table}")))
        return int(packets["seen"]), int(packets["lost"])

    def close(self) -> None:
        """Close the socket: the kernel removes what was made through it. Once only."""
        self._library.nft_ctx_free(self._context)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY)
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = ctypes.c_char_p
    return library
