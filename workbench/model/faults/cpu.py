"""F16 cpu: a service may run in only a part of every 100 ms, as on a machine that gives it too little of a core.

A small process of its own stops and continues it. It has a deadline of its own, renewed with the lease, and continues
the service and leaves when the supervisor is gone. A service with several busy threads gets that part of each core
that they use.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.base import ServiceFault
from workbench.model.faults.process_actions import Throttle
from workbench.model.units import Ratio


class Cpu(ServiceFault):
    """The service gets only a part of a core."""

    kind: Literal["cpu"] = "cpu"
    limit: Ratio = Field(description="part of every 100 ms in which it may run", examples=["20%"])

    @model_validator(mode="after")
    def _is_a_part(self) -> Self:
        if self.limit < 0.01:
            raise ValueError("limit is below 1 %; the kind `pause` stops a service altogether")
        if self.limit > 0.99:
            raise ValueError(f"limit {self.limit} leaves the service as it is")
        return self

    def action(self) -> Throttle:
        return Throttle(share=float(self.limit))

    def describe(self) -> str:
        return f"gets at most {self.limit} of a core"
