"""What a team lets pass in CI, as a file: strict unless it says otherwise, and every exception ends on a date."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from workbench.model.base import Frozen


class Acceptance(Frozen):
    """Results that are known and let pass for a while."""

    check: str = Field(min_length=1, description="glob on ids of results", examples=["A13:*", "A6:orders:payments"])
    until: date = Field(description="last day on which it is accepted")
    reason: str = Field(min_length=1, description="why, for whoever reads the log", examples=["ticket 4711"])

    def covers(self, result_id: str) -> bool:
        """Tell whether a result is meant."""
        return fnmatchcase(result_id, self.check)


class GatePolicy(Frozen):
    """A gate policy. An empty file is the strictest one: only PASS passes."""

    inconclusive: Literal["fail", "pass"] = Field(
        default="fail", description="`pass` lets a run pass that decided nothing; what FAILs still fails"
    )
    accept: list[Acceptance] = Field(default_factory=list, description="results that are let pass for a while")
    compare: None = Field(default=None, description="reserved for the comparison with earlier runs")
