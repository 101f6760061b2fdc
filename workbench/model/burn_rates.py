"""Multi-window burn-rate alerts, scaled to a run: how fast an error budget is spent, over which windows.

After chapter 5 of the SRE workbook ("Alerting on SLOs", the sixth way). There the budget is that of 30 days, and the
windows are 1 h, 6 h and 3 d. Here the budget is that of the run, so the windows are parts of the run; what an alert
means stays the same: `burn rate = part of the budget that is spent x budget's time / long window`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "ticket"]

_LEAST_LONG_S = 6
_LEAST_SHORT_S = 3
"""A rate needs two scrapes, and scrapes are a second apart."""

_SHORT_OF_LONG = 12


@dataclass(frozen=True, slots=True)
class BurnRate:
    """One alert: it fires while both windows burn the budget faster than `factor` times the allowed rate."""

    severity: Severity
    factor: float
    long_s: int
    short_s: int

    def bad_share(self, target: float) -> float:
        """Return the share of bad events above which it fires, of an SLO with that target."""
        return self.factor * (1 - target)


def burn_rates(run_s: float, target: float) -> list[BurnRate]:
    """Return the alerts of an SLO for a run of that length, the fastest first.

    One that asks for more bad events than there are events could never fire and is left out: a target of 80 % cannot
    be missed six-fold.
    """
    rates = []
    plan: list[tuple[Severity, float, float]] = [("page", 1 / 12, 0.5), ("page", 1 / 4, 0.75), ("ticket", 1 / 2, 0.5)]
    for severity, part, budget in plan:
        long_s = max(round(run_s * part), _LEAST_LONG_S)
        short_s = max(round(long_s / _SHORT_OF_LONG), _LEAST_SHORT_S)
        rate = BurnRate(severity, round(budget * run_s / long_s, 2), long_s, short_s)
        if rate.bad_share(target) < 1:
            rates.append(rate)
    return rates
