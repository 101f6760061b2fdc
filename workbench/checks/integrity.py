"""A18 and A19: nothing that was acknowledged is lost, and nothing happens twice.

What clients were told (see `promises`) is held against what the services' own databases say after the run.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Check, Claim, result_id
from workbench.checks.estimates import PowerEstimate
from workbench.checks.facts import Facts
from workbench.checks.offences import Found, judge_found, judge_unfinished
from workbench.checks.promises import (
    Promise,
    Unreadable,
    effects_by_key,
    first_records,
    missing_accounts,
    promises,
    records_by_key,
)
from workbench.checks.sli import EVIDENCE
from workbench.model.audit import AuditRecord
from workbench.model.expectations import NoDuplicateEffects, NoLostOrders
from workbench.model.history import History
from workbench.model.plan import Plan
from workbench.model.verdict import CheckClass, CheckResult


def judge_no_lost_orders(spec: NoLostOrders, history: History) -> list[CheckResult]:
    """Judge every acknowledged record of the run."""
    claim = Claim(
        id=result_id("A18", spec.record),
        check="A18",
        kind=spec.kind,
        text=f"every {spec.record} acknowledged to a client exists exactly once and is finished",
        check_class=CheckClass.UNIVERSAL,
    )
    missing = missing_accounts(history)
    if missing or not history.audits_after:
        return [claim.undecided(f"no account of {wording.listed(missing)} was read after the run")]
    found = _held_against_records(spec, history)
    if found.unfinished and not found.broken:
        return [judge_unfinished(claim, spec.settle, found, history, f"acknowledged {spec.record}")]
    promised = wording.count(found.checked, f"acknowledged {spec.record}")
    return [judge_found(claim, found, f"{promised} are missing, doubled or changed", spec.min_n)]


def _held_against_records(spec: NoLostOrders, history: History) -> Found:
    records = records_by_key(history, spec.record)
    final = {record.state for group in records.values() for record in group if record.terminal}
    found = Found()
    for promise in promises(history):
        if isinstance(promise, Unreadable):
            found.unreadable += 1
        elif promise.acknowledged:
            found.checked += 1
            own = records.get(promise.key, [])
            broken, unfinished = _fate(promise, own, final, spec.record)
            found.broken += broken is not None
            found.unfinished += unfinished
            if broken is not None:
                found.note(promise, broken, next(iter(own), None))
            elif unfinished:
                found.note(promise, f"{spec.record} {promise.id} is not finished", own[0])
    return found


def _fate(promise: Promise, records: list[AuditRecord], final: set[str], kind: str) -> tuple[str | None, bool]:
    """Return how a promise was broken, if it was, and whether its record is unfinished."""
    if not records:
        return f"{kind} {promise.id} was acknowledged as {promise.state} and does not exist", False
    if len(records) > 1:
        return f"{kind} {promise.id} exists {len(records)} times", False
    (record,) = records
    if record.id != promise.id:
        return f"the client was told {kind} {promise.id}, its key has {kind} {record.id}", False
    if record.terminal and promise.state in final and record.state != promise.state:
        return f"{kind} {promise.id} was acknowledged as {promise.state} and is {record.state}", False
    return None, not record.terminal


def judge_no_duplicate_effects(spec: NoDuplicateEffects, history: History) -> list[CheckResult]:
    """Judge every key of the run, also those whose client was told nothing: one result for each kind of effect."""
    claims = {kind: _effect_claim(spec, kind) for kind in spec.effects}
    missing = missing_accounts(history)
    if missing or not history.audits_after:
        reason = f"no account of {wording.listed(missing)} was read after the run"
        return [claim.undecided(reason) for claim in claims.values()]
    found = _held_against_effects(spec.effects, history)
    return [_judge_effect(claim, spec, kind, found[kind]) for kind, claim in claims.items()]


def _effect_claim(spec: NoDuplicateEffects, kind: str) -> Claim:
    return Claim(
        id=result_id("A19", kind),
        check="A19",
        kind=spec.kind,
        text=f"no idempotency key has more than one {kind}",
        check_class=CheckClass.UNIVERSAL,
    )


def _held_against_effects(kinds: list[str], history: History) -> dict[str, Found]:
    known = first_records(history)
    effects = {kind: effects_by_key(history, kind) for kind in kinds}
    found = {kind: Found() for kind in kinds}
    for promise in promises(history):
        for kind in kinds:
            if isinstance(promise, Unreadable):
                found[kind].unreadable += 1
            elif promise.key in effects[kind]:
                _count_effects(found[kind], promise, kind, effects[kind][promise.key], known.get(promise.key))
    return found


def _count_effects(found: Found, promise: Promise, kind: str, ids: set[str], record: AuditRecord | None) -> None:
    found.checked += 1
    if len(ids) > 1:
        found.broken += 1
        some = wording.listed(sorted(ids)[:EVIDENCE])
        found.note(promise, f"key {promise.key} has {len(ids)} of {kind}: {some}", record)


def _judge_effect(claim: Claim, spec: NoDuplicateEffects, kind: str, found: Found) -> CheckResult:
    if not found.checked and not found.unreadable:
        return claim.undecided(f"no key of this run has any {kind} in the accounts", n=0, needed_n=spec.min_n)
    keys = wording.count(found.checked, f"key with {kind}", f"keys with {kind}")
    return judge_found(claim, found, f"{keys} have more than one", spec.min_n)


def needs_accounts(what: str, facts: Facts) -> list[str]:
    if facts.audited:
        return []
    lack = f"{what} needs a service that gives an account of what it did; give its address as `audit:` of the service"
    return [f"{lack} (docs/reference/checks.md has the format)"]


def no_lost_orders_needs(spec: NoLostOrders, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    return needs_accounts(spec.kind, facts)


def no_duplicate_effects_needs(spec: NoDuplicateEffects, facts: Facts) -> list[str]:
    """Say what keeps it from being judged."""
    return needs_accounts(spec.kind, facts)


def _unknown_power(_spec: NoLostOrders | NoDuplicateEffects, _facts: Facts, _plan: Plan) -> list[PowerEstimate]:
    """Which journeys promise something is known to nobody before a run."""
    return []


NO_LOST_ORDERS = Check(
    id="A18",
    subject=lambda spec: spec.record,
    judge=judge_no_lost_orders,
    needs=no_lost_orders_needs,
    power=_unknown_power,
)

NO_DUPLICATE_EFFECTS = Check(
    id="A19",
    subject=lambda spec: "+".join(spec.effects),
    judge=judge_no_duplicate_effects,
    needs=no_duplicate_effects_needs,
    power=_unknown_power,
)
