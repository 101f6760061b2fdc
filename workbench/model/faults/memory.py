"""F16 memory: the address space of a service's process may grow by `headroom` and no more (RLIMIT_AS; Linux).

What it asks for beyond that is refused to it: in Python a MemoryError, a thread that cannot be started, or the end of
the process, which is then reported as a death. The undo gives it its old limit back, and the processes it has
started meanwhile too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workbench.model.faults.base import Ability, ServiceFault
from workbench.model.faults.process_actions import LimitMemory
from workbench.model.units import Size


class Memory(ServiceFault):
    """The service can get hardly any more memory."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.PROCESS, Ability.MEMORY})

    kind: Literal["memory"] = "memory"
    headroom: Size = Field(description="how much its address space may still grow", examples=["16MiB"])

    def action(self) -> LimitMemory:
        return LimitMemory(headroom_bytes=int(self.headroom))

    def describe(self) -> str:
        return f"gets at most {self.headroom} more memory"
