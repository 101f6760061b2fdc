"""A20, the part about totals: what is conserved in a whole system, and in each part of it.

A total that is off says that something came from nowhere, not whose doing it was. Where a service also tells the totals
of each part (each product, say) and what its effects took from which part, those who took from a part that is off are
named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from workbench.checks import wording
from workbench.checks.check import Claim, result_id
from workbench.checks.offences import Found, Settling
from workbench.checks.promises import Promise, Unreadable, first_records, promises
from workbench.checks.sli import EVIDENCE
from workbench.model.audit import Audit, AuditEffect
from workbench.model.history import History
from workbench.model.integrity import Conserved, parts
from workbench.model.verdict import CheckClass, CheckResult, Limit, Outcome, Value

_NAMED_PARTS = 3


class _Untold(Exception):
    """A total that a rule is about is not in the accounts. The message says which."""


def rule_claim(name: str, rule: Conserved) -> Claim:
    """Return what a rule claims."""
    text = f"{name} is conserved: {_in_words(rule)}"
    return Claim(result_id("A20", name), "A20", "saga_atomic", text, CheckClass.UNIVERSAL)


def judge_rule(claim: Claim, settle_ns: int, rule: Conserved, history: History) -> CheckResult:
    """Judge one rule about totals; `settle_ns` is how long work may take to be finished."""
    after = history.audits_after
    changed: list[_Part] = []
    try:
        if rule.constant:
            sums = [_sum(rule.constant, history.audits_before, "before"), _sum(rule.constant, after, "after")]
            changed = _changed_parts(rule.constant, history)
            said = f"{_sum_in_words(rule.constant)} was {sums[0]} before the run and is {sums[1]} after it"
        elif rule.equal:
            sums = [_sum(terms, after, "after") for terms in rule.equal]
            sides = zip(map(_sum_in_words, rule.equal), sums, strict=True)
            said = wording.listed([f"{words} is {number}" for words, number in sides])
        else:
            sums = [_sum(rule.zero, after, "after"), 0]
            said = f"{_sum_in_words(rule.zero)} is {sums[0]}"
    except _Untold as error:
        return claim.undecided(str(error))
    # Two parts that are off may make up for each other in the total.
    off = max(max(sums) - min(sums), sum(abs(part.after - part.before) for part in changed))
    if off and not Settling.of(history).was_enough(settle_ns):
        return claim.undecided(f"{said}, and not all work was finished by then", n=1)
    takers = _takers(changed, history)
    if changed:
        took = wording.count(takers.checked, "effect")
        said = f"{_parts_in_words(changed)}; {took} of this run took of that{takers.first}; in all, {said}"
    return claim.result(
        Outcome.FAIL if off else Outcome.PASS,
        said,
        observed=Value(number=off, unit="count"),
        limit=Limit(comparison="at_most", number=0, unit="count"),
        n=1,
        evidence=takers.examples,
    )


def _sum(terms: list[str], audits: Mapping[str, Audit], moment: str) -> int:
    total = 0
    for sign, service, name in map(parts, terms):
        if service not in audits or name not in audits[service].totals:
            raise _Untold(f"{service} did not tell the total {name} {moment} the run")
        total += sign * audits[service].totals[name]
    return total


def _in_words(rule: Conserved) -> str:
    if rule.constant:
        return f"{_sum_in_words(rule.constant)} stays the same"
    if rule.equal:
        return " = ".join(map(_sum_in_words, rule.equal))
    return f"{_sum_in_words(rule.zero)} = 0"


def _sum_in_words(terms: list[str]) -> str:
    first, *others = terms
    return first + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in others)


# -- part by part -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A part whose sum is not what it was."""

    name: str
    before: int
    after: int


def _changed_parts(terms: list[str], history: History) -> list[_Part]:
    """Return the parts that are off, the worst first; none where services tell no parts, as older ones do not."""
    before, after = (_part_sums(terms, audits) for audits in (history.audits_before, history.audits_after))
    changed = [_Part(name, before[name], now) for name, now in after.items() if before.get(name, now) != now]
    return sorted(changed, key=lambda part: -abs(part.after - part.before))


def _part_sums(terms: list[str], audits: Mapping[str, Audit]) -> dict[str, int]:
    """Return the sum of each part for which all terms are told."""
    sums: dict[str, list[int]] = {}
    for sign, service, total in map(parts, terms):
        for name, totals in audits[service].parts.items():
            if total in totals:
                sums.setdefault(name, []).append(sign * totals[total])
    return {name: sum(told) for name, told in sums.items() if len(told) == len(terms)}


def _parts_in_words(changed: list[_Part]) -> str:
    some = [f"{part.name} went from {part.before} to {part.after}" for part in changed[:_NAMED_PARTS]]
    more = len(changed) - len(some)
    return wording.listed([*some, *([f"{more} more"] if more else [])])


def _takers(changed: list[_Part], history: History) -> Found:
    """Find who took from the parts that are off, those first between whom and another the least time lay.

    Any of them may be at fault; what takes from a part without looking again does so while another one takes from it.
    """
    off = {part.name for part in changed}
    effects: dict[str, list[AuditEffect]] = {}
    for audit in history.audits_after.values() if off else ():
        for effect in audit.effects:
            if effect.part in off:
                effects.setdefault(effect.key, []).append(effect)
    own = [
        (promise, effect)
        for promise in (promises(history) if effects else ())
        if not isinstance(promise, Unreadable)
        for effect in effects.get(promise.key, [])
    ]
    found, records = Found(checked=len(own)), first_records(history)
    for gap_ns, promise, effect in _closest_first(own)[:EVIDENCE]:
        amount = "" if effect.amount is None else f" {effect.amount}"
        text = f"{effect.kind} {effect.id} took{amount} of {effect.part}"
        if gap_ns is not None:
            text += f", {wording.time(gap_ns)} from another that did"
        found.note(promise, text, records.get(promise.key))
    return found


def _closest_first(own: list[tuple[Promise, AuditEffect]]) -> list[tuple[int | None, Promise, AuditEffect]]:
    """Return each with the time (ns) to the nearest one of the same part; None, and last, where none is told."""
    by_part: dict[str | None, list[int]] = {}
    for _, effect in own:
        if effect.at_wall_ns is not None:
            by_part.setdefault(effect.part, []).append(effect.at_wall_ns)
    gaps: dict[tuple[str | None, int], int] = {}
    for part, times in by_part.items():
        times.sort()
        for earlier, later in pairwise(times):
            for at in (earlier, later):
                gaps[part, at] = min(later - earlier, gaps.get((part, at), later - earlier))
    timed = [
        (None if effect.at_wall_ns is None else gaps.get((effect.part, effect.at_wall_ns)), promise, effect)
        for promise, effect in own
    ]
    return sorted(timed, key=lambda one: (one[0] is None, one[0] if one[0] is not None else 0))
