"""F14 slow_start: the process of a service is told to end (SIGTERM) and is started again only after a delay.

As a service that warms a cache or waits for its turn. An undo that comes before starts it at once; in any case it waits
until the service is ready.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.base import ServiceFault
from workbench.model.faults.process_actions import End
from workbench.model.units import Duration


class SlowStart(ServiceFault):
    """The service ends in good order and is away for a while."""

    kind: Literal["slow_start"] = "slow_start"
    delay: Duration = Field(description="how long after its end it is started again")

    @model_validator(mode="after")
    def _has_a_delay(self) -> Self:
        if self.delay == 0:
            raise ValueError("delay is 0, which is what the kind `restart` does")
        return self

    def action(self) -> End:
        return End("SIGTERM", again_after_ns=int(self.delay))

    def disturbs_ns(self, lasts_ns: int) -> int:
        return min(lasts_ns, int(self.delay))

    def describe(self) -> str:
        return f"ends and is started again {self.delay} later"
