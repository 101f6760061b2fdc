"""Checks: pure functions of a finished run, each answering one claim. No I/O, no clock.

`preview` asks them before a run, `judge` after it. The table of checks is `asked.EXPECTATIONS`.
"""

from __future__ import annotations

from workbench.checks.asked import EXPECTATIONS, Asked, Preview, asked, preview
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts
from workbench.checks.guard import wholly_below
from workbench.checks.judging import judge, results

__all__ = [
    "EXPECTATIONS",
    "Asked",
    "Facts",
    "PowerEstimate",
    "Preview",
    "asked",
    "judge",
    "preview",
    "results",
    "wholly_below",
]
