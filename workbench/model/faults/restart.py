"""F14 restart: the process of a service is told to end (SIGTERM) and started again at once, as in a deployment.

Callers feel it for as long as the service takes to end and to start; the undo waits until it is ready.
"""

from __future__ import annotations

from typing import Literal

from workbench.model.faults.base import ServiceFault
from workbench.model.faults.process_actions import End

SHORTEST_START_NS = 500_000_000
"""Counted on while planning: less than this no service takes to start."""


class Restart(ServiceFault):
    """The service ends in good order and is started again at once."""

    kind: Literal["restart"] = "restart"

    def action(self) -> End:
        return End("SIGTERM", again_after_ns=0)

    def disturbs_ns(self, lasts_ns: int) -> int:
        return min(lasts_ns, SHORTEST_START_NS)

    def describe(self) -> str:
        return "is restarted"
