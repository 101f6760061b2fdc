"""Free ports for servers of tests.

A port that the system gives away (port 0) may be given to a connection of another test before the server binds it:
tests run side by side, and each opens thousands. So these come from below the ephemeral range (32768 on Linux), each
test process has a stretch of its own, and none is given twice before the stretch is through.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST = 24_000
EACH = 1_800
"""Up to where benchmarks/killed.py begins, which a test runs."""
FIRST_BLOCK = 13_000
BLOCK = 200
BLOCKS = 5
PROCESSES = 4

_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
_stretch = range(FIRST + EACH * _process, FIRST + EACH * (_process + 1))
_next = itertools.cycle(_stretch)
_first_block = FIRST_BLOCK + BLOCK * BLOCKS * _process
_next_block = itertools.cycle(range(_first_block, _first_block + BLOCK * BLOCKS, BLOCK))
for _ in range(random.randrange(EACH)):
    next(_next)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens."""
    return [_free_port() for _ in range(count)]


def free_block() -> int:
    """Return the first port of a block as a whole stack takes it, in which nobody listens.

    Blocks are far from those that stacks take by default, and of this process only.
    """
    for base in itertools.islice(_next_block, BLOCKS):
        if not any(_listens(port) for port in range(base, base + BLOCK)):
            return base
    raise AssertionError(f"no free block of ports from {_first_block} on")


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    for port in itertools.islice(_next, EACH):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError(f"no free port in {_stretch}")
