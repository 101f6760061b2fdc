"""Drop packets of one port, or make them late: the kernel asks, packet by packet, and waits for an answer.

A table of nftables that belongs to this process hands them over, in a queue that does. However the process ends, the
kernel takes the table away, drops what waits in the queue (TCP sends it again), and lets later packets pass. So nothing
can be left behind, which no queueing discipline can promise (docs/adr/0019).
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import random
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from workbench.faultproxy.addresses import parse_address
from workbench.faultproxy.netlink import Filter, Queue
from workbench.model.units import NS_PER_S

_CAP_NET_ADMIN = 1 << 12
_NUMBERS = range(20_000, 60_000)
_TRIES = 20
_tables = itertools.count(1)

Decide = Callable[[bool], int | None]
"""Is asked of each packet, and told whether others wait. Returns for how many ns it is to wait; None: it is dropped."""


class Packets:
    """Every packet from and to a loopback address is asked about from now on, until it is ended.

    Raises OSError where this machine, or who we are on it, does not allow that, and ValueError for another address.
    """

    def __init__(self, address: str, decide: Decide, loop: asyncio.AbstractEventLoop) -> None:
        host, port = parse_address(address)
        self._decide = decide
        self._loop = loop
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        number, self._queue = _free_queue()
        try:
            self._filter = Filter(host, port, number, _table_name())
        except BaseException:
            self._queue.close()
            raise
        loop.add_reader(self._queue, self._take)

    def let_go(self) -> None:
        """Let pass at once what waits."""
        waiting, self._waiting = self._waiting, {}
        for packet, timer in waiting.items():
            timer.cancel()
            self._queue.decide(packet)

    def end(self) -> None:
        """Ask about no more of them, and let pass what waits."""
        self._filter.close()
        self._loop.remove_reader(self._queue)
        while arrived := self._queue.arrived():
            for packet in arrived:
                self._queue.decide(packet)
        self.let_go()
        self._queue.close()

    def _take(self) -> None:
        for packet in self._queue.arrived():
            wait_ns = self._decide(bool(self._waiting))
            if wait_ns:
                release = partial(self._release, packet)
                self._waiting[packet] = self._loop.call_later(wait_ns / NS_PER_S, release)
            else:
                self._queue.decide(packet, drop=wait_ns is None)

    def _release(self, packet: int) -> None:
        del self._waiting[packet]
        self._queue.decide(packet)


@lru_cache(maxsize=1)
def obstacle() -> str | None:
    """Say what keeps this process from deciding on packets; None: nothing. It is tried, on no packet at all."""
    if not _may_administer():
        return "it takes root, or CAP_NET_ADMIN"
    try:
        number, queue = _free_queue()
    except OSError as error:
        return f"the kernel gives no queue of packets (nfnetlink_queue): {error.strerror}"
    try:
        Filter("127.0.0.1", 9, number, _table_name(), hooked=False).close()
    except OSError as error:
        needed = "Linux 5.12 with nf_tables, nft_compat and xt_NFQUEUE does"
        return f"the kernel does not take the rules ({needed}): {error.strerror}"
    finally:
        queue.close()
    return None


def _table_name() -> str:
    return f"workbench_{os.getpid()}_{next(_tables)}"


def _free_queue() -> tuple[int, Queue]:
    for number in random.sample(_NUMBERS, _TRIES):
        try:
            return number, Queue(number)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _may_administer() -> bool:
    """Tell whether this process has CAP_NET_ADMIN."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return False
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) & _CAP_NET_ADMIN)
