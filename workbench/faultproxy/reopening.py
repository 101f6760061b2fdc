"""Edges that were to listen again and could not: their port was taken, or the plane had no descriptor left.

Nobody waits for them: whatever closed their listener is off. So they are tried until they listen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from workbench.faultproxy.edge import Edge

REOPEN_S = 1.0
"""From one try to the next."""


class Reopening:
    """Has the edges of one plane listen again, whichever these are at the time."""

    def __init__(self, edges: Mapping[str, Edge], loop: asyncio.AbstractEventLoop) -> None:
        self._edges = edges
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._trying: asyncio.Task[list[OSError]] | None = None

    def later(self) -> None:
        """Try in a while."""
        if self._timer is None:
            self._timer = self._loop.call_later(REOPEN_S, self._begin)

    async def now(self) -> list[OSError]:
        """Try, and return why some cannot listen, which are tried again."""
        self.stop()
        problems = []
        for edge in list(self._edges.values()):
            if edge.is_stuck:
                try:
                    await edge.settle()
                except OSError as error:
                    problems.append(error)
                    self.later()
        return problems

    def stop(self) -> None:
        """Do not try again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._timer = None
        self._trying = self._loop.create_task(self.now())
