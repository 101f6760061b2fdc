"""F14 kill: the process of a service is killed (SIGKILL) and stays away until the fault is undone.

Then it is started again and waited for until it is ready. What it had not written is lost, as in a real crash; its
callers are refused.
"""

from __future__ import annotations

from typing import Literal

from workbench.model.faults.base import ServiceFault
from workbench.model.faults.process_actions import End


class Kill(ServiceFault):
    """The service crashes and stays down."""

    kind: Literal["kill"] = "kill"

    def action(self) -> End:
        return End("SIGKILL", again_after_ns=None)

    def describe(self) -> str:
        return "is killed and stays down"
