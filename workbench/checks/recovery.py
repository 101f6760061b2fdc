"""A15: how long after the undo users are served well again, and that they stay so for a while.

The moment is also where A1 begins to judge the recovery phase. A relapse long after it is A1's business: here
the first stretch that holds decides, and one slow journey does not make it flap, because a share is asked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.deciding import moment_within
from workbench.checks.estimates import PowerEstimate, moment_estimate
from workbench.checks.facts import Facts, lacks_phase, lacks_slo, planned
from workbench.checks.sli import Start, judged_fairly
from workbench.model.expectations import Recovers
from workbench.model.history import History, PhaseWindow
from workbench.model.plan import Plan
from workbench.model.slo import Slo
from workbench.model.units import Duration
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value, Window

FEWEST = 3
"""Journeys in `hold` below which it shows nothing."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was seen after the undo. Times since run zero."""

    off_ns: int
    """Verified end of the last fault; without faults, the start of the recovery phase."""
    since_ns: int | None
    """The first moment from which it held; None if there was none."""
    last_bad_ns: int
    """Start of the last bad journey before that moment, or `off_ns`."""
    end_ns: int
    """To where it could be seen: the end of the recovery phase."""
    stretches: int
    """Stretches of `hold` with enough journeys that were looked at."""


_SERIES = """
SELECT intended, {good}
FROM journeys
WHERE journey = $3 AND intended >= $4 AND intended < $5 AND {counted}
ORDER BY intended
"""


def recovery(history: History, slo: Slo, target: float, hold_ns: int, start: Start) -> Recovery | None:
    """Find the earliest moment from which, for `hold_ns`, the share of good journeys is at least `target`.

    None if the recovery phase was never begun. Moments looked at: the undo, and the start of every journey.
    """
    phase = next(iter(history.phases_of("recovery")), None)
    if phase is None:
        return None
    off_ns = _off(history, phase)
    search = Search(off_ns, hold_ns, target)
    rows = history.stream(
        _SERIES.format(good=start.good, counted=start.counted),
        list(slo.outcomes),
        slo.under,
        slo.journey,
        off_ns,
        phase.end_ns,
    )
    for intended, good in rows:
        if search.found(intended):
            break
        search.add(intended, good=good)
    else:
        search.found(phase.end_ns)
    return Recovery(off_ns, search.since_ns, search.last_bad_ns, phase.end_ns, search.stretches)


def _off(history: History, phase: PhaseWindow) -> int:
    ends = [window.off_ns for window in history.fault_windows() if window.off_ns is not None]
    return max(ends, default=phase.start_ns)


class Search:
    """A stretch of `hold` that slides over the journeys; holds in memory only those inside it."""

    def __init__(self, off_ns: int, hold_ns: int, target: float) -> None:
        self.since_ns: int | None = None
        self.last_bad_ns = off_ns
        self.stretches = 0
        self._moment: int | None = off_ns
        self._hold_ns = hold_ns
        self._target = target
        self._inside: deque[tuple[int, bool]] = deque()
        self._good = 0

    def add(self, intended: int, *, good: bool) -> None:
        self._inside.append((intended, good))
        self._good += good
        if self._moment is None:
            self._moment = intended

    def found(self, seen_to_ns: int) -> bool:
        """Look at every moment whose stretch is complete, now that all journeys before `seen_to_ns` are known."""
        while self._moment is not None and self._moment + self._hold_ns <= seen_to_ns:
            total = len(self._inside)
            self.stretches += total >= FEWEST
            if total >= FEWEST and self._good >= self._target * total:
                self.since_ns = self._moment
                return True
            self._advance()
        return False

    def _advance(self) -> None:
        """Go on to the start of the next journey. Those that began before it are no longer inside."""
        while self._inside and self._moment == self._inside[0][0]:
            intended, good = self._inside.popleft()
            self._good -= good
            if not good:
                self.last_bad_ns = intended
        self._moment = self._inside[0][0] if self._inside else None


def _text(spec: Recovers) -> str:
    within, hold = wording.time(spec.within), wording.time(spec.hold)
    return f"{spec.slo} is back in band within {within} of the undo and holds for {hold}"


def judge_recovers(spec: Recovers, history: History) -> list[CheckResult]:
    """Judge one SLO."""
    slo = history.run.slo(spec.slo)
    phases = history.phases_of("recovery")
    claim = Claim(
        id=result_id("A15", spec.slo),
        check="A15",
        kind="recovers",
        text=_text(spec),
        check_class=CheckClass.EVENT_TIME,
        windows=tuple(Window(phase=w.name, start_ns=w.start_ns, end_ns=w.end_ns) for w in phases),
    )
    if slo is None:
        return [claim.undecided(f"the run knows no SLO {spec.slo}")]
    windows = history.fault_windows()
    if windows and all(window.on_ns is None for window in windows):
        return [claim.undecided("no fault was ever on, so there was nothing to recover from")]
    lingering = [w.fault.id for w in windows if w.on_ns is not None and w.off_ns is None]
    if lingering:
        return [claim.undecided(f"{wording.listed(lingering)} was never verified to be off")]
    target = slo.target if spec.target is None else spec.target
    return [
        judged_fairly(
            history,
            lambda start: _judge(claim, spec, recovery(history, slo, target, spec.hold, start)),
            latency=slo.under is not None,
        )
    ]


def _judge(claim: Claim, spec: Recovers, seen: Recovery | None) -> CheckResult:
    if seen is None:
        return claim.undecided("the recovery phase was never begun")
    limit = Limit(comparison="at_most", number=spec.within, unit="ns")
    if seen.since_ns is None:
        return _judge_never(claim, spec, seen, limit)
    low, high = seen.last_bad_ns - seen.off_ns, seen.since_ns - seen.off_ns
    last_bad = f"the last bad journey before began after {wording.time(low)}" if low else "no bad journey came before"
    return claim.decided(
        moment_within(low, high, spec.within),
        f"{spec.slo} was back in band {wording.time(high)} after the undo and held for {wording.time(spec.hold)}"
        f" ({last_bad}); {wording.time(spec.within)} is allowed",
        observed=Value(number=high, unit="ns"),
        limit=limit,
        n=seen.stretches,
    )


def _judge_never(claim: Claim, spec: Recovers, seen: Recovery, limit: Limit) -> CheckResult:
    watched = seen.end_ns - seen.off_ns
    if watched < spec.within + spec.hold:
        return claim.undecided(
            f"recovery was watched for {wording.time(watched)}, and {wording.time(spec.within)} to recover"
            f" and {wording.time(spec.hold)} to hold need more"
        )
    if not seen.stretches:
        return claim.undecided(f"no stretch of {wording.time(spec.hold)} held {FEWEST} journeys", n=0)
    # It may have come back just too late to be seen holding, so this is the least it took.
    least = watched - spec.hold
    return claim.result(
        Outcome.FAIL,
        f"{spec.slo} was at no moment back in band for {wording.time(spec.hold)}, and recovery was watched for"
        f" {wording.time(watched)}; {wording.time(spec.within)} is allowed",
        observed=Value(number=least, unit="ns"),
        limit=limit,
        interval=(seen.last_bad_ns - seen.off_ns, watched),
        n=seen.stretches,
    )


def recovers_needs(spec: Recovers, facts: Facts) -> list[str]:
    """Say what keeps it from being judged, such as a recovery phase that is too short."""
    what = f"recovers {spec.slo}"
    problems = lacks_slo(facts, spec.slo, spec.target) + lacks_phase(facts, "recovery", what)
    for name in facts.phases_of("recovery"):
        phase = facts.scenario.phase(name)
        needed = Duration(spec.within + spec.hold)
        if phase is not None and phase.duration < needed:
            problems.append(
                f"{what} takes up to {spec.within} and then {spec.hold}, but phase {name} lasts"
                f" {phase.duration}; make it at least {needed}"
            )
    return problems


def recovers_power(spec: Recovers, facts: Facts, plan: Plan) -> list[PowerEstimate]:
    """Estimate whether `hold` contains enough journeys."""
    slo, names = facts.slo(spec.slo), facts.phases_of("recovery")
    if slo is None or not names:
        return []
    samples = {name: planned(plan, name, slo.journey) for name in names}
    id_ = result_id("A15", spec.slo)
    return [moment_estimate(id_, _text(spec), samples, facts, hold_s=spec.hold.s, fewest=FEWEST)]


RECOVERS = Check(
    id="A15", subject=lambda spec: spec.slo, judge=judge_recovers, needs=recovers_needs, power=recovers_power
)
