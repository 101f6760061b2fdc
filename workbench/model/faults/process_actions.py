"""The small vocabulary in which a fault on a service tells the supervisor what to do to the process.

None of them is a kind, and the supervisor knows no kind: `actions` is the same for edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class End:
    """End the process by a signal. It is started again after `again_after_ns` (None: not before the undo).

    The undo waits until the service is ready. A process that ignores SIGTERM is killed after some seconds.
    """

    signal: Literal["SIGKILL", "SIGTERM"]
    again_after_ns: int | None
    do: Literal["end"] = "end"


@dataclass(frozen=True, slots=True)
class Throttle:
    """Let the process group run in `share` of every slice of time, and stop it for the rest of it. 0: never."""

    share: float
    do: Literal["throttle"] = "throttle"


@dataclass(frozen=True, slots=True)
class LimitMemory:
    """Let the address space of the process grow by so many bytes and no more."""

    headroom_bytes: int
    do: Literal["limit_memory"] = "limit_memory"


ProcessAction = End | Throttle | LimitMemory
