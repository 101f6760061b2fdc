"""A2 for faults on a resource: what its services hit is what the seed says, and it was enough.

Each service numbers its own pieces of work from 0, so which of them were hit follows from how many there were. That is
held against what the service counted. Where Toxiproxy made the fault, in front of a real server, nobody drew anything:
then the services counted what they met of it, and that has to be nearly all that they did meanwhile. Callers are asked
too where the kind promises that they feel it.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.checks.process_fault import judge_process_fault
from workbench.model.events import FaultOff
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.history import FaultWindow, History
from workbench.model.makers import Maker
from workbench.model.verdict import CheckResult, Outcome, Value

PIECES = {"database": "transaction", "broker": "message", "cache": "access"}
"""What is hit on each kind of resource."""

MET = 0.8
"""Part of their work that services have to have seen hit where it was done in front of the server."""

_COUNTS = ("eligible", "hit", "passed")
"""What each service has to say; a count that is missing is not 0."""


def judge_resource_fault(claim: Claim, fault: ResourceFault, window: FaultWindow, history: History) -> CheckResult:
    """Judge one fault on a resource that was verified to be on."""
    counted = counts_of(fault, history)
    missing = [s for s in fault.services if not all(f"{s}.{name}" in counted for name in _COUNTS)]
    if missing:
        return claim.undecided(f"{wording.listed(missing)} did not say what it hit")
    in_front = is_made_in_front(fault, history)
    wrong = _miscounted(fault, counted) if in_front else _disagreement(fault, counted, history)
    if wrong is not None:
        return claim.undecided(wrong, n=counted["hit"])
    hit = counted["hit"]
    if hit < fault.min_evidence:
        reason = f"{hits_in_words(fault, counted)}; at least {fault.min_evidence} are wanted"
        return claim.undecided(reason, n=hit, needed_n=fault.min_evidence)
    if in_front and hit < MET * counted["eligible"]:
        reason = f"{hits_in_words(fault, counted)}, and Toxiproxy is in the way of all; {MET:.0%} are wanted"
        return claim.undecided(reason, n=hit)
    by_whom = "by Toxiproxy, as the services counted" if in_front else "exactly those its seed says"
    said = f"{hits_in_words(fault, counted)}, {by_whom}"
    if not fault.is_felt:
        return claim.result(Outcome.PASS, said, observed=Value(number=hit, unit="count"), n=hit)
    felt = judge_process_fault(claim, fault, window, history)
    return felt.model_copy(update={"reason": f"{said}; {felt.reason}"})


def is_made_in_front(fault: ResourceFault, history: History) -> bool:
    """Tell whether Toxiproxy made it, in front of a real server."""
    return history.run.plan.makers.get(fault.id) is Maker.TOXIPROXY


def counts_of(fault: ResourceFault, history: History) -> dict[str, int]:
    """Return what the services counted, as they said when it was taken off."""
    return next((event.counts for event in history.events(FaultOff) if event.fault == fault.id), {})


def hits_in_words(fault: ResourceFault, counted: dict[str, int]) -> str:
    """Say what was hit, and by whom where several services met it."""
    if "hit" not in counted:
        return "what it hit is not known: it was not taken off in good order"
    piece = PIECES[fault.is_on]
    pieces = wording.count(counted["eligible"], piece, f"{piece}es" if piece.endswith("ss") else f"{piece}s")
    said = f"it hit {counted['hit']} of {pieces}"
    if len(fault.services) < 2:
        return said
    each = wording.listed([f"{counted.get(f'{service}.hit', 'unknown')} at {service}" for service in fault.services])
    return f"{said} ({each})"


def _miscounted(fault: ResourceFault, counted: dict[str, int]) -> str | None:
    for service in fault.services:
        eligible, hit, passed = (counted[f"{service}.{name}"] for name in _COUNTS)
        if hit + passed != eligible:
            return f"{service} counted {hit} hit and {passed} not hit of {eligible}"
    return None


def _disagreement(fault: ResourceFault, counted: dict[str, int], history: History) -> str | None:
    seed = history.run.scenario.seed if fault.seed is None else fault.seed
    for service in fault.services:
        eligible, hit, passed = (counted[f"{service}.{name}"] for name in _COUNTS)
        expected = sum(fault.hits(seed, ordinal) for ordinal in range(eligible))
        if (hit, passed) != (expected, eligible - expected):
            return f"{service} hit {hit} of {eligible} and let {passed} pass; by the seed it is {expected}"
    return None
