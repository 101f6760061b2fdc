"""A20: what several services did for one record agrees with its end, and nothing came from nowhere or went there.

Who is at fault cannot be told from one service alone: each may be right about its own part. So their accounts are held
against each other, key by key, and their sums against what the system declares (`sagas`, `conserved`).
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.conserved import judge_rule, rule_claim
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts
from workbench.checks.integrity import needs_accounts
from workbench.checks.offences import Found, judge_found, judge_unfinished
from workbench.checks.promises import (
    Promise,
    Unreadable,
    missing_accounts,
    promises,
    records_by_key,
    states_by_key,
)
from workbench.model.audit import AuditRecord
from workbench.model.expectations import SagaAtomic
from workbench.model.history import History
from workbench.model.integrity import NONE, Conserved, Saga
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult

FAILED = "failed"
"""State of an `ack` whose client was told for certain that nothing was done."""

States = Mapping[str, Mapping[str, set[str]]]
"""Kind of effect -> key -> states of its effects."""


def judge_saga_atomic(spec: SagaAtomic, history: History) -> list[CheckResult]:
    """Judge every record of the run, and each rule about totals."""
    claim = Claim(
        id=result_id("A20", spec.record),
        check="A20",
        kind=spec.kind,
        text=f"what was done for each {spec.record} agrees with its end in all services",
        check_class=CheckClass.UNIVERSAL,
    )
    rules = {name: rule_claim(name, rule) for name, rule in _rules(spec, history).items()}
    missing = missing_accounts(history)
    if missing or not history.audits_after:
        reason = f"no account of {wording.listed(missing)} was read after the run"
        return [one.undecided(reason) for one in (claim, *rules.values())]
    saga = history.run.system.sagas.get(spec.record)
    if saga is None:
        records = claim.undecided(f"the system declares no saga of {spec.record}")
    else:
        records = _judge_records(claim, spec, saga, history)
    conserved = history.run.system.conserved
    return [records, *(judge_rule(one, spec.settle, conserved[name], history) for name, one in rules.items())]


def _rules(spec: SagaAtomic, history: History) -> dict[str, Conserved]:
    declared = history.run.system.conserved
    return {name: rule for name, rule in declared.items() if spec.conserved is None or name in spec.conserved}


# -- record by record ---------------------------------------------------------------------------------


def _judge_records(claim: Claim, spec: SagaAtomic, saga: Saga, history: History) -> CheckResult:
    found, unknown = _held_against_ends(spec, saga, history)
    if unknown and not found.broken:
        reason = f"a finished {spec.record} is {wording.listed(sorted(unknown))}, which is no end of the saga"
        return claim.undecided(f"{reason}; it has: {', '.join(saga.ends)}", n=found.checked)
    if found.unfinished and not found.broken:
        return judge_unfinished(claim, spec.settle, found, history, f"{spec.record} of this run")
    said = f"{wording.count(found.checked, spec.record)} of this run disagree with what was done for them"
    return judge_found(claim, found, said, spec.min_n)


def _held_against_ends(spec: SagaAtomic, saga: Saga, history: History) -> tuple[Found, set[str]]:
    """Return what was found, and states of finished records that are no end of the saga."""
    records = records_by_key(history, spec.record)
    states = {kind: states_by_key(history, kind) for kind in saga.effects}
    found, unfinished, unknown = Found(), Found(), set[str]()
    for promise in promises(history):
        if isinstance(promise, Unreadable):
            found.unreadable += 1
            continue
        own = records.get(promise.key, [])
        if not own and promise.state != FAILED and not _effects_of(promise.key, states):
            continue  # nobody was told anything, and nothing was done
        found.checked += 1
        unknown |= {record.state for record in own if record.terminal and record.state not in saga.ends}
        found.unfinished += any(not record.terminal for record in own)
        wrong = _wrong(promise, own, saga, states, spec.record)
        if wrong is not None:
            found.broken += 1
            found.note(promise, wrong, next(iter(own), None))
        elif any(not record.terminal for record in own):
            unfinished.note(promise, f"{spec.record} is not finished", own[0])
    if not found.broken:
        found.examples = unfinished.examples
    return found, unknown


def _wrong(promise: Promise, own: list[AuditRecord], saga: Saga, states: States, kind: str) -> str | None:
    """Say what does not agree, if something does not. What is not finished yet is not asked."""
    if any(not record.terminal for record in own):
        return None
    if not own:
        done = _effects_of(promise.key, states)
        return f"there is no {kind}, and there is {wording.listed(done)}" if done else None
    for record in own:
        if promise.state == FAILED and record.state in saga.ends and not saga.leaves_nothing(record.state):
            return f"its client was told that it failed, and it is {record.state}"
        for effect, allowed in saga.ends.get(record.state, {}).items():
            seen = states[effect].get(promise.key) or {NONE}
            if not seen <= set(allowed):
                others = wording.listed(sorted(seen - set(allowed)))
                return f"it is {record.state}, and its {effect} is {others}, not {' or '.join(allowed)}"
    return None


def _effects_of(key: str, states: States) -> list[str]:
    """Return the effects of a key in words: "capture (captured)"."""
    found = []
    for kind, by_key in states.items():
        if key in by_key:
            found.append(f"{kind} ({wording.listed(sorted(by_key[key]))})")
    return found


# -- planning -----------------------------------------------------------------------------------------


def saga_atomic_needs(spec: SagaAtomic, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    problems = needs_accounts(spec.kind, facts)
    if spec.record not in facts.system.sagas:
        known = ", ".join(facts.system.sagas) or "none"
        problems.append(f"{spec.kind}: the system declares no saga of {spec.record!r}, known are: {known}; add `sagas`")
    for name in spec.conserved or []:
        if name not in facts.system.conserved:
            known = ", ".join(facts.system.conserved) or "none"
            problems.append(f"{spec.kind}: the system declares no rule {name!r}, known are: {known}; add `conserved`")
    return problems


def _unknown_power(_spec: SagaAtomic, _facts: Facts, _plan: Plan) -> list[PowerEstimate]:
    """Which journeys make records is known to nobody before a run."""
    return []


SAGA_ATOMIC = Check(
    id="A20",
    subject=lambda spec: spec.record,
    judge=judge_saga_atomic,
    needs=saga_atomic_needs,
    power=_unknown_power,
)
