"""What the runner sees while it goes on: totals since run zero, quantiles of the last five seconds.

For the display and the abort guard only; verdicts are computed from the rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain
from math import ceil

from workbench.loadgen.journey import Finished
from workbench.model.slo import OUTCOMES, Slo

TICKS = 10
"""Progress is told twice a second, so this many ticks are five seconds."""


class Tally:
    """Counts journeys by outcome and by SLI."""

    def __init__(self, journeys: Sequence[str], slis: Sequence[Slo]) -> None:
        self.finished = 0
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.journeys = {name: dict.fromkeys(OUTCOMES, 0) for name in journeys}
        self._names = tuple(journeys)
        self._slis = {name: [sli for sli in slis if sli.journey == name] for name in journeys}
        self._good = {sli.name: 0 for sli in slis}
        self._total = {sli.name: 0 for sli in slis}
        self._response: deque[list[int]] = deque([[]], maxlen=TICKS)
        self._lag: deque[list[int]] = deque([[]], maxlen=TICKS)

    def add(self, finished: Finished) -> None:
        """Count one journey."""
        name = self._names[finished.journey]
        self.finished += 1
        self.outcomes[finished.outcome] += 1
        self.journeys[name][finished.outcome] += 1
        self._response[-1].append(finished.response_ns)
        self._lag[-1].append(finished.lag_ns)
        for sli in self._slis[name]:
            self._total[sli.name] += 1
            in_time = sli.under is None or finished.response_ns <= sli.under
            self._good[sli.name] += in_time and finished.outcome in sli.outcomes

    @property
    def slis(self) -> dict[str, tuple[int, int]]:
        """SLO name to (good, total)."""
        return {name: (self._good[name], total) for name, total in self._total.items()}

    def tick(self) -> tuple[int | None, int | None]:
        """Return (p95 of response times, p99 of generator lag) over the last ticks, and begin a new one."""
        quantiles = _quantile(self._response, 0.95), _quantile(self._lag, 0.99)
        self._response.append([])
        self._lag.append([])
        return quantiles


def _quantile(ticks: deque[list[int]], share: float) -> int | None:
    """Return the smallest value that at least `share` of the samples do not exceed."""
    values = sorted(chain.from_iterable(ticks))
    return values[ceil(share * len(values)) - 1] if values else None
