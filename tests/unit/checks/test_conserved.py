"""A20, totals part by part: which product is off, and who took of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.histories import healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import result
from workbench.model.events import Settled
from workbench.model.verdict import Outcome, Value

STOCK = "A20:stock"
BEFORE = {"product 1": {"on_hand": 500, "sold": 0}, "product 2": {"on_hand": 500, "sold": 0}}


def in_parts(after: Mapping[str, Mapping[str, int]], *, takes: Mapping[int, tuple[str, int]]) -> HistoryBuilder:
    """Have orders tell each product's totals; `takes`: number of the order -> product it took of, and when in ms."""
    run = healthy()
    run.audits_before["orders"] = run.audits_before["orders"].model_copy(update={"parts": BEFORE})
    audit = run.audits_after["orders"]
    effects = list(audit.effects)
    for number, (part, at_ms) in takes.items():
        told = {"part": part, "amount": 1, "at_wall_ns": at_ms * 1_000_000}
        effects[number] = effects[number].model_copy(update=told)
    run.audits_after["orders"] = audit.model_copy(update={"effects": effects, "parts": after})
    return run


OVERSOLD = {"product 1": {"on_hand": 497, "sold": 3}, "product 2": {"on_hand": 499, "sold": 4}}
TAKES = {
    1: ("product 2", 1_000),
    2: ("product 1", 1_001),
    3: ("product 2", 9_000),
    4: ("product 2", 9_030),
    5: ("product 2", 20_000),
}


def test_those_who_took_of_what_is_off_are_named_the_closest_first() -> None:
    """Product 2 has three too many: its orders are named with key and trace, the two that were 30 ms apart first."""
    run = in_parts(OVERSOLD, takes=TAKES)
    acks = [(row, json.loads(str(row.ack))) for row in run.journeys if row.ack]
    seen = result(run, STOCK)
    assert (Outcome.FAIL, Value(number=3, unit="count")) == (seen.outcome, seen.observed)
    assert "product 2 went from 500 to 503; 4 effects of this run took of that" in seen.reason
    named = [one for one in seen.evidence if one.kind == "record"]
    assert {acks[number][1]["id"] for number in (3, 4)} == {one.ref for one in named[:2]}
    assert {acks[number][1]["id"] for number in (1, 3, 4, 5)} == {one.ref for one in named}
    row, ack = acks[3]
    (text,) = (one.text for one in named if one.ref == ack["id"])
    assert f"took 1 of product 2, 30 ms from another that did (key {ack['key']}, trace {row.trace_id})" in text
    assert row.trace_id in {one.ref for one in seen.evidence if one.kind == "trace"}


def test_two_products_that_are_off_do_not_make_up_for_each_other() -> None:
    """The sum of all is what it was, and still one has two more and another two less."""
    off = {"product 1": {"on_hand": 499, "sold": 3}, "product 2": {"on_hand": 498, "sold": 0}}
    seen = result(in_parts(off, takes={}), STOCK)
    assert (Outcome.FAIL, Value(number=4, unit="count")) == (seen.outcome, seen.observed)
    assert "product 1 went from 500 to 502 and product 2 went from 500 to 498" in seen.reason


def test_products_that_add_up_pass() -> None:
    fine = {"product 1": {"on_hand": 497, "sold": 3}, "product 2": {"on_hand": 499, "sold": 1}}
    assert result(in_parts(fine, takes=TAKES), STOCK).outcome is Outcome.PASS


def test_a_part_that_was_told_only_once_is_not_compared() -> None:
    """As one that is new, or of which not all totals are told."""
    new = {"product 1": {"on_hand": 497}, "product 3": {"on_hand": 5, "sold": 0}}
    assert result(in_parts(new, takes=TAKES), STOCK).outcome is Outcome.PASS


def test_accounts_without_parts_are_judged_by_their_totals() -> None:
    """As those of older runs: nobody is named."""
    run = healthy()
    audit = run.audits_after["orders"]
    run.audits_after["orders"] = audit.model_copy(update={"totals": {**audit.totals, "sold": 1}})
    seen = result(run, STOCK)
    assert (Outcome.FAIL, []) == (seen.outcome, list(seen.evidence))


def test_effects_that_do_not_tell_when_are_named_too() -> None:
    run = in_parts(OVERSOLD, takes={1: ("product 2", 7)})
    audit = run.audits_after["orders"]
    effects = [one.model_copy(update={"at_wall_ns": None, "amount": None}) for one in audit.effects]
    run.audits_after["orders"] = audit.model_copy(update={"effects": effects})
    seen = result(run, STOCK)
    assert "took of product 2 (key" in seen.evidence[0].text


def test_parts_that_are_off_while_work_is_left_are_undecided() -> None:
    run = in_parts(OVERSOLD, takes=TAKES)
    run.replace(Settled, waited_ns=ns(2), pending=1)
    assert result(run, STOCK).outcome is Outcome.INCONCLUSIVE
