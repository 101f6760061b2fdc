"""Looks at the users while the run goes on. Can only shorten a run, never lengthen or brighten it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from workbench.model.loadjob import Progress
from workbench.model.scenario import AbortWhen, Scenario
from workbench.model.slo import Slo

WhollyBelow = Callable[[int, int, float], bool]
"""(good, total, target): is the share below the target with 95 % confidence?"""

_MIN_JOURNEYS = 10


@dataclass(frozen=True, slots=True)
class Alarm:
    """An SLO outside its bound, with the numbers."""

    slo: str
    good: int
    total: int
    reason: str


class AbortGuard:
    """Fed with the load's progress; answers whether to go on."""

    def __init__(self, scenario: Scenario, slos: list[Slo], wholly_below: WhollyBelow) -> None:
        self._scenario = scenario
        self._targets = {slo.name: float(slo.target) for slo in slos}
        self._wholly_below = wholly_below
        self._seen: deque[Progress] = deque()
        self._baseline_from: dict[str, tuple[int, int]] | None = None

    def baseline_begins(self, progress: Progress | None) -> None:
        """Counts from here on are baseline."""
        self._baseline_from = dict(progress.slis) if progress is not None else {}

    def unfair_start(self, progress: Progress | None) -> Alarm | None:
        """Tell whether baseline was so bad that faults would prove nothing."""
        if self._baseline_from is None or progress is None:
            return None
        for steady in self._scenario.steady_state:
            target = float(steady.target) if steady.target is not None else self._targets[steady.slo]
            good, total = _difference(progress, self._baseline_from.get(steady.slo, (0, 0)), steady.slo)
            if total and self._wholly_below(good, total, target):
                reason = (
                    f"steady state {steady.slo} was {good}/{total} in baseline, target {target:.4g}: not a fair start"
                )
                return Alarm(steady.slo, good, total, reason)
        return None

    def abort(self, progress: Progress) -> Alarm | None:
        """Tell whether users suffer beyond a bound of `abort_when`, so long without a break."""
        self._seen.append(progress)
        longest = max((rule.for_ for rule in self._scenario.abort_when), default=0)
        while len(self._seen) > 2 and progress.at_ns - self._seen[1].at_ns >= longest:
            self._seen.popleft()
        return next(filter(None, (self._broken(rule, progress) for rule in self._scenario.abort_when)), None)

    def _broken(self, rule: AbortWhen, progress: Progress) -> Alarm | None:
        if progress.at_ns - self._seen[0].at_ns < rule.for_:
            return None
        start = next(p for p in reversed(self._seen) if progress.at_ns - p.at_ns >= rule.for_)
        good, total = _difference(progress, start.slis.get(rule.slo, (0, 0)), rule.slo)
        if total < _MIN_JOURNEYS or good / total >= rule.below:
            return None
        reason = f"{rule.slo} was {good}/{total} = {good / total:.1%} over {rule.for_}, below the bound {rule.below}"
        return Alarm(rule.slo, good, total, reason)


def _difference(progress: Progress, since: tuple[int, int], slo: str) -> tuple[int, int]:
    good, total = progress.slis[slo] if slo in progress.slis else (0, 0)
    return good - since[0], total - since[1]
