"""`python throttle.py PGID SHARE SECONDS`: let a process group run in SHARE of every 100 ms only.

A process of its own, so that nothing the supervisor is busy with can make a slice longer. Its standard input is a pipe
from the supervisor: each line is a new deadline, in seconds from then on. At the end of that pipe, at its deadline, at
a signal and when the group is gone it continues the group and leaves. Standard library only, without any site.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

SLICE_S = 0.1


def main() -> None:
    """Stop and continue until it is time to leave."""
    group, share, until = int(sys.argv[1]), float(sys.argv[2]), time.monotonic() + float(sys.argv[3])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        due = time.monotonic()
        told = False
        while time.monotonic() < until:
            os.killpg(group, signal.SIGSTOP)
            if not told:
                told = True
                os.write(1, b"stopped\n")
            until = _wait(due + SLICE_S * (1 - share), until)
            if share:
                os.killpg(group, signal.SIGCONT)
                until = _wait(due + SLICE_S, until)
            due = max(due + SLICE_S, time.monotonic() - SLICE_S)  # what was missed is not made up for
    except ProcessLookupError:
        pass
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGCONT)


def _wait(due: float, until: float) -> float:
    """Wait for a moment and return the deadline, which may have been renewed meanwhile; -inf: the pipe has ended."""
    while (left := min(due, until) - time.monotonic()) > 0:
        if select.select([0], [], [], left)[0]:
            said = os.read(0, 4096)
            if not said:
                return float("-inf")
            until = time.monotonic() + float(said.split()[-1])
    return until


if __name__ == "__main__":
    main()
