"""F15 pause: all processes of a service are stopped (SIGSTOP) until the fault is undone, and continue then.

Connections to it are still accepted, by the operating system, and nothing is answered: a health check that only
connects stays green.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.base import ServiceFault
from workbench.model.faults.process_actions import Throttle


class Pause(ServiceFault):
    """The service hangs."""

    hangs: ClassVar[bool] = True

    kind: Literal["pause"] = "pause"

    def action(self) -> Throttle:
        return Throttle(share=0.0)

    def describe(self) -> str:
        return "hangs: its processes are stopped"
