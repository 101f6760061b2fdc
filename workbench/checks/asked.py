"""What a scenario asks to be judged: each claim together with its check. The table of checks is here.

To add an expectation: its model, its check in a file of its own, one line here, one section in
docs/reference/checks.md, and tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.checks.breaker_holds import BREAKER_HOLDS
from workbench.checks.breaker_opens import BREAKER_OPENS
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.detection import DETECTS
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts
from workbench.checks.fallback import FALLBACK_SERVED
from workbench.checks.fault_effective import fault_power
from workbench.checks.integrity import NO_DUPLICATE_EFFECTS, NO_LOST_ORDERS
from workbench.checks.isolation import ISOLATED
from workbench.checks.process_fault import process_fault_needs
from workbench.checks.recovery import RECOVERS
from workbench.checks.retry import RETRIES_BOUNDED, RETRY_AMPLIFICATION
from workbench.checks.saga import SAGA_ATOMIC
from workbench.checks.slo import SLO
from workbench.checks.steady_state import STEADY_STATE
from workbench.checks.timeout import TIMEOUT_BOUND
from workbench.checks.traces import TRACES_EXPLAIN
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.scenario import Scenario
from workbench.model.verdict import CheckClass, CheckResult

EXPECTATIONS: Mapping[str, Check[Any]] = {
    "breaker_opens": BREAKER_OPENS,
    "breaker_holds": BREAKER_HOLDS,
    "retries_bounded": RETRIES_BOUNDED,
    "retry_amplification": RETRY_AMPLIFICATION,
    "timeout_bound": TIMEOUT_BOUND,
    "fallback_served": FALLBACK_SERVED,
    "isolated": ISOLATED,
    "recovers": RECOVERS,
    "no_lost_orders": NO_LOST_ORDERS,
    "no_duplicate_effects": NO_DUPLICATE_EFFECTS,
    "saga_atomic": SAGA_ATOMIC,
    "detects": DETECTS,
    "traces_explain": TRACES_EXPLAIN,
}
"""Check by the kind of its expectation in scenario files."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One claim of a scenario, with its check."""

    check: Check[Any]
    kind: str
    spec: Any

    def frame(self) -> Claim:
        """Return what a result is made from if the check itself fails."""
        subject = self.check.subject(self.spec)
        id_ = result_id(self.check.id, subject)
        return Claim(id_, self.check.id, self.kind, f"{self.kind} {subject}", CheckClass.UNIVERSAL)

    def judge(self, history: History) -> list[CheckResult]:
        return self.check.judge(self.spec, history)

    def needs(self, facts: Facts) -> list[str]:
        return self.check.needs(self.spec, facts)

    def power(self, facts: Facts, plan: Plan) -> list[PowerEstimate]:
        return self.check.power(self.spec, facts, plan)


def asked(scenario: Scenario) -> Iterator[Asked]:
    """Yield every claim of a scenario, in the order of the file."""
    for steady in scenario.steady_state:
        yield Asked(STEADY_STATE, "steady_state", steady)
    for slo in scenario.slos:
        yield Asked(SLO, "slo", slo)
    for spec in scenario.expect:
        yield Asked(EXPECTATIONS[spec.kind], spec.kind, spec)


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be said about a plan before it is run."""

    problems: list[str]
    """What the system or the scenario lacks, each with its remedy. A plan with any is refused."""
    estimates: list[PowerEstimate]
    """How likely each claim is to be decided; those that are not `sufficient` are refused too."""


def preview(facts: Facts, plan: Plan) -> Preview:
    """Ask every check of a scenario what it lacks and what the plan can decide."""
    claims = list(asked(facts.scenario))
    needs = [*process_fault_needs(facts), *(problem for claim in claims for problem in claim.needs(facts))]
    problems = dict.fromkeys(needs)
    estimates = fault_power(facts, plan)
    estimates += [estimate for claim in claims for estimate in claim.power(facts, plan)]
    return Preview(list(problems), estimates)
