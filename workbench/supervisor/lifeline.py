"""Ends this process when its supervisor is gone: the supervisor alone holds the other end of a pipe."""

from __future__ import annotations

import os
import threading

LIFELINE = "WORKBENCH_LIFELINE_FD"
"""Environment variable with the number of the file descriptor to watch."""


def hold(descriptor: int) -> None:
    """Exit at once when `descriptor` reaches end of file. Returns immediately; a daemon thread watches."""

    def watch() -> None:
        while os.read(descriptor, 64):
            pass
        os._exit(70)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
