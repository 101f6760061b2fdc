"""A2 for a surge: the users that were planned on top of the usual ones really came, in its time."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.model.arrivals import expected_count
from workbench.model.faults.base import LoadFault
from workbench.model.history import History
from workbench.model.scenario import Scenario
from workbench.model.verdict import CheckResult, Limit, Outcome, Value

CAME = 0.8
"""Part of the planned arrivals of its time that have to have become journeys."""

_ARRIVED = """
SELECT count(*), count(*) FILTER (a.arrival IN (SELECT arrival FROM requests WHERE kind = 'journey'))
FROM arrivals a WHERE a.intended >= ? AND a.intended < ?
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The arrivals in the time of a surge: planned, as journeys, and how many are to be expected without it."""

    planned: int
    journeys: int
    usual: float


def arrived(fault: LoadFault, history: History) -> Arrived:
    """Count who came while a surge was on, by the plan's own times: the arrivals were made with it."""
    scenario = history.run.scenario
    burst = next(burst for burst in scenario.bursts() if burst.name == fault.id)
    planned, journeys = history.row(_ARRIVED, burst.start_ns, burst.end_ns)
    usual = expected_count(scenario.load, burst.end_ns, from_ns=burst.start_ns)
    return Arrived(planned, journeys, usual)


def judge_surge(claim: Claim, fault: LoadFault, history: History) -> CheckResult:
    """Judge one surge that was on."""
    came = arrived(fault, history)
    extra = came.planned - round(came.usual)
    if extra < fault.min_evidence:
        reason = f"{extra} journeys more than usual were planned, at least {fault.min_evidence} are wanted"
        return claim.undecided(reason, n=max(extra, 0), needed_n=fault.min_evidence)
    share = came.journeys / came.planned
    return claim.result(
        Outcome.PASS if share >= CAME else Outcome.INCONCLUSIVE,
        f"{came.journeys} of {wording.count(came.planned, 'planned arrival')} became journeys,"
        f" where {came.usual:.0f} are usual",
        observed=Value(number=share, unit="ratio"),
        limit=Limit(comparison="at_least", number=CAME, unit="ratio"),
        n=came.planned,
    )


def extra_planned(fault: LoadFault, scenario: Scenario) -> int:
    """Return how many arrivals a surge is expected to bring on top of the usual ones."""
    own = [burst for burst in scenario.bursts() if burst.name == fault.id]
    with_it, without = (expected_count(scenario.load, burst.end_ns, bursts) for burst in own for bursts in (own, []))
    return round(with_it - without)
