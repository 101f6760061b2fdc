"""How likely a plan is to decide a claim: computed before the run, so that nobody waits for an answer that cannot come.

Shares are exact. What a plan cannot know, such as how many calls a journey makes on an edge, is taken as one
call for each journey of the phase; a plan is refused for it only where even that would not be enough.
"""

from __future__ import annotations

from math import ceil, exp, floor, log10, sqrt

from pydantic import Field

from workbench.checks import power, wording
from workbench.checks.facts import Facts
from workbench.checks.statistics import binomial_at_least, fewest_for_upper_bound
from workbench.model.base import Frozen
from workbench.model.faults.base import EdgeFault, FaultBase, PacketFault, RequestFault, ServiceFault
from workbench.model.faults.eligibility import Match
from workbench.model.plan import Plan

KEPT = 0.98
"""Part of the planned arrivals that is counted on: journeys in flight at a transition are left out."""


class PowerEstimate(Frozen):
    """What a plan can say about one claim."""

    id: str = Field(description="of the result it is about")
    claim: str
    samples: dict[str, int] = Field(description="expected, by phase; the smallest one decides")
    needed_n: int | None = Field(description="samples per phase that would be enough, if any number is")
    probability: float = Field(description="of a decided result, if the system behaves as expected")
    remedy: str | None = Field(default=None, description="what to change, where the probability is too low")

    @property
    def sufficient(self) -> bool:
        """Whether the plan may be run without --allow-inconclusive."""
        return self.probability >= power.REQUIRED


def share_estimate(
    id_: str, claim: str, samples: dict[str, int], facts: Facts, *, target: float, expected: float
) -> PowerEstimate:
    """Estimate how likely the phase with the fewest samples decides whether a share is at least `target`."""
    phase, fewest = _fewest(samples)
    probability = power.probability_decided(floor(fewest * KEPT), target, expected)
    needed = power.fewest_samples(target, expected)
    what = f"{wording.share(target)} at an expected {wording.share(expected)}"
    remedy = None
    if needed is None:
        remedy = f"no number of samples decides {what}; move the limit away from what is expected"
    elif probability < power.REQUIRED:
        mend = enough(ceil(needed / KEPT), fewest, phase, facts)
        remedy = f"{what} needs {wording.count(needed, 'journey')} in {phase}, this plan gives {fewest}; {mend}"
    return PowerEstimate(id=id_, claim=claim, samples=samples, needed_n=needed, probability=probability, remedy=remedy)


def quantile_estimate(id_: str, claim: str, samples: dict[str, int], facts: Facts, q: float) -> PowerEstimate:
    """Estimate whether every phase has enough samples for an upper bound of a quantile."""
    needed = fewest_for_upper_bound(q)
    phase, fewest = _fewest(samples)
    remedy = None
    if floor(fewest * KEPT) < needed:
        mend = enough(ceil(needed / KEPT), fewest, phase, facts)
        remedy = f"p{q * 100:g} has no upper bound below {needed} samples, this plan gives {fewest} in {phase}; {mend}"
    return PowerEstimate(
        id=id_,
        claim=claim,
        samples=samples,
        needed_n=needed,
        probability=1.0 if remedy is None else 0.0,
        remedy=remedy,
    )


def cases_estimate(
    id_: str,
    claim: str,
    arrivals: dict[str, int],
    facts: Facts,
    *,
    min_n: int,
    chance: float = 1.0,
    most: int | None = None,
) -> PowerEstimate:
    """Estimate how likely at least `min_n` cases occur in each phase, if each arrival is one with that chance.

    `most` is what a breaker lets through at most, whatever arrives.
    """
    phase, fewest = _fewest(arrivals)
    probability = binomial_at_least(min_n, fewest, chance)
    expected, remedy = fewest * chance, None
    if most is not None and most < min_n:
        probability, expected = 0.0, float(most)
        remedy = (
            f"{wording.count(min_n, 'case')} needed, and the breaker lets some {most} through in {phase};"
            f" lower the number that is asked for to {most} or less, or lengthen the phase so that more probes are made"
        )
    elif probability < power.REQUIRED:
        # Enough for a mean three standard deviations above min_n.
        needed = ceil((min_n + 3 * (min_n * (1 - chance)) ** 0.5 + 4 * (chance < 1)) / chance)
        remedy = (
            f"{wording.count(min_n, 'case')} needed and some {expected:.0f} expected in {phase};"
            f" {enough(needed, fewest, phase, facts)}"
        )
    return PowerEstimate(
        id=id_,
        claim=claim,
        samples={
            name: round(number * chance if most is None else min(number * chance, most))
            for name, number in arrivals.items()
        },
        needed_n=min_n,
        probability=probability,
        remedy=remedy,
    )


def most_failing(facts: Facts, plan: Plan, fault: FaultBase) -> int | None:
    """Return how many failing attempts a breaker lets through at most while a fault is on; None if nothing bounds it.

    Those that open it, those in flight meanwhile (one call for each journey, with a margin for chance), and probes.
    """
    match fault:
        case EdgeFault():
            return _most_on(fault.edge, facts, plan, fault)
        case ServiceFault() if fault.service != facts.system.entry:
            bounds = [_most_on(e.name, facts, plan, fault) for e in facts.system.edges if fault.touches(e.name)]
            known = [bound for bound in bounds if bound is not None]
            return sum(known) if len(known) == len(bounds) else None
        case _:
            return None


def _most_on(edge: str, facts: Facts, plan: Plan, fault: FaultBase) -> int | None:
    policy, phase = facts.policy(edge), plan.phase(fault.phase)
    if policy is None or policy.breaker is None or policy.timeout is None or phase is None:
        return None
    if fault.schedule.period is not None or isinstance(fault, PacketFault):
        return None  # it opens again each time that the fault is back, or some get through
    if isinstance(fault, RequestFault) and (fault.part_hit < 1 or fault.match != Match()):
        return None
    lasts = (phase.end_ns - phase.start_ns) if fault.schedule.duration is None else int(fault.schedule.duration)
    rate = sum(phase.arrivals.values()) / (phase.end_ns - phase.start_ns)
    in_flight = rate * policy.timeout * policy.attempts
    probes = (lasts // policy.breaker.reset_timeout + 1) * policy.breaker.half_open_probes
    return policy.breaker.failures_to_open + ceil(in_flight + 3 * sqrt(in_flight)) + probes


def moment_estimate(
    id_: str, claim: str, samples: dict[str, int], facts: Facts, *, hold_s: float, fewest: int
) -> PowerEstimate:
    """Estimate how likely a stretch of `hold_s` holds `fewest` journeys, for arrivals as in the plan (Poisson)."""
    phase, planned = _fewest(samples)
    declared = facts.scenario.phase(phase)
    seconds = declared.duration.s if declared is not None else 0.0
    mean = planned / seconds * hold_s if seconds else 0.0
    missing, term = 0.0, exp(-mean)
    for k in range(fewest):
        missing += term
        term *= mean / (k + 1)
    needed = ceil(seconds / hold_s * (fewest + 4 * fewest**0.5 + 2)) if hold_s else fewest
    remedy = None
    if 1 - missing < power.REQUIRED:
        remedy = (
            f"{wording.time(hold_s * 1e9)} of {phase} hold {mean:.1f} journeys and {fewest} are needed in each;"
            f" lengthen `hold`, or {enough(needed, planned, phase, facts, lengthen=False)}"
        )
    return PowerEstimate(
        id=id_,
        claim=claim,
        samples={phase: round(mean)},
        needed_n=fewest,
        probability=1 - missing,
        remedy=remedy,
    )


def enough(needed: int, have: int, phase: str, facts: Facts, *, lengthen: bool = True) -> str:
    """Say in words what would give `needed` samples where the plan has `have`."""
    if have <= 0:
        return f"nothing is planned in phase {phase}: lengthen it, or raise the rate"
    factor = needed / have
    rate = facts.scenario.load.arrivals.rate
    mend = f"raise every rate {_up(factor)}-fold" if rate is None else f"raise the rate to {_up(rate * factor)}/s"
    declared = facts.scenario.phase(phase)
    if lengthen and declared is not None:
        mend += f" or the phase {phase} to {ceil(declared.duration.s * factor)}s"
    return mend


def _fewest(samples: dict[str, int]) -> tuple[str, int]:
    return min(samples.items(), key=lambda item: item[1])


def _up(number: float) -> str:
    """Round up to two digits or a whole number, whichever is finer: what is named must be enough."""
    step = min(1.0, 10.0 ** (floor(log10(number)) - 1))
    return f"{ceil(round(number / step, 6)) * step:.6g}"
