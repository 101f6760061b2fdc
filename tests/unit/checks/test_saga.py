"""A20: what was done for each order agrees with its end, and sums are conserved; each case is seen to fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.histories import SYSTEM, healthy
from tests.history_builder import HistoryBuilder, JourneyRow, ns
from tests.unit.checks.asking import result
from workbench.checks.facts import Facts
from workbench.checks.saga import saga_atomic_needs
from workbench.model.events import Settled
from workbench.model.expectations import SagaAtomic
from workbench.model.integrity import Conserved, Saga
from workbench.model.system import System
from workbench.model.verdict import CheckResult, Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
ORDERS, STOCK, MONEY, LEDGER = "A20:order", "A20:stock", "A20:money", "A20:ledger"


def acked(run: HistoryBuilder, number: int) -> tuple[JourneyRow, dict[str, Any]]:
    row = [row for row in run.journeys if row.ack][number]
    return row, json.loads(str(row.ack))


def told(run: HistoryBuilder, number: int, state: str) -> HistoryBuilder:
    """Have a client be told something else, without an id."""
    row, ack = acked(run, number)
    row.ack = json.dumps({"id": None, "key": ack["key"], "state": state})
    return run


def order(run: HistoryBuilder, number: int, **changes: Any) -> HistoryBuilder:
    audit = run.audits_after["orders"]
    records = list(audit.records)
    records[number] = records[number].model_copy(update=changes)
    run.audits_after["orders"] = audit.model_copy(update={"records": records})
    return run


def capture(run: HistoryBuilder, number: int, state: str | None) -> HistoryBuilder:
    """Have a capture be in another state; None: there is none."""
    audit = run.audits_after["payments"]
    effects = list(audit.effects)
    effects[number : number + 1] = [] if state is None else [effects[number].model_copy(update={"state": state})]
    run.audits_after["payments"] = audit.model_copy(update={"effects": effects})
    return run


def total(run: HistoryBuilder, service: str, name: str, change: int) -> HistoryBuilder:
    audit = run.audits_after[service]
    totals = {**audit.totals, name: audit.totals[name] + change}
    run.audits_after[service] = audit.model_copy(update={"totals": totals})
    return run


def without_total(run: HistoryBuilder, moment: str, service: str) -> HistoryBuilder:
    audits = run.audits_before if moment == "before" else run.audits_after
    audits[service] = audits[service].model_copy(update={"totals": {}})
    return run


def test_a_run_whose_accounts_agree_passes() -> None:
    for id_ in (ORDERS, STOCK, MONEY, LEDGER):
        assert result(healthy(), id_).outcome is PASS
    assert result(healthy(), ORDERS).n == 379


@pytest.mark.parametrize("state", ["refunded", None])
def test_a_confirmed_order_without_its_money_is_named_with_key_and_trace(state: str | None) -> None:
    run = capture(healthy(), 20, state)
    row, ack = acked(run, 20)
    seen = result(run, ORDERS)
    assert (FAIL, Value(number=1, unit="count")) == (seen.outcome, seen.observed)
    assert f"it is confirmed, and its capture is {state or 'none'}, not captured" in seen.reason
    record, trace = seen.evidence
    assert (ack["id"], row.trace_id) == (record.ref, trace.ref)
    assert f"(key {ack['key']}, trace {row.trace_id})" in record.text
    for text in (ack["id"], ack["key"], str(row.trace_id)):
        assert text in seen.reason


@pytest.mark.parametrize(("state", "outcome"), [("captured", FAIL), ("refunded", PASS), (None, PASS)])
def test_a_cancelled_order_keeps_no_money(state: str | None, outcome: Outcome) -> None:
    assert result(capture(order(healthy(), 20, state="cancelled"), 20, state), ORDERS).outcome is outcome


def test_all_effects_of_a_key_have_to_agree() -> None:
    run = healthy()
    audit = run.audits_after["payments"]
    again = audit.effects[7].model_copy(update={"id": "c-again", "state": "pending"})
    run.audits_after["payments"] = audit.model_copy(update={"effects": [*audit.effects, again]})
    assert "its capture is pending, not captured" in result(run, ORDERS).reason


def test_money_without_an_order_is_a_violation() -> None:
    run = told(healthy(), 20, "indeterminate")
    audit = run.audits_after["orders"]
    records = [record for at, record in enumerate(audit.records) if at != 20]
    run.audits_after["orders"] = audit.model_copy(update={"records": records})
    seen = result(run, ORDERS)
    assert (FAIL, True) == (seen.outcome, "there is no order, and there is capture (captured)" in seen.reason)
    assert result(capture(run, 20, None), ORDERS).outcome is PASS


@pytest.mark.parametrize(
    ("said", "state", "outcome"),
    [
        ("failed", "confirmed", FAIL),
        ("failed", "cancelled", PASS),
        ("indeterminate", "confirmed", PASS),
        ("indeterminate", "cancelled", PASS),
        ("queued", "confirmed", PASS),
    ],
)
def test_only_a_definite_failure_that_took_effect_is_a_violation(said: str, state: str, outcome: Outcome) -> None:
    run = told(healthy(), 20, said)
    if state == "cancelled":
        capture(order(run, 20, state="cancelled"), 20, None)
    seen = result(run, ORDERS)
    assert seen.outcome is outcome
    if outcome is FAIL:
        assert "its client was told that it failed, and it is confirmed" in seen.reason
        assert acked(healthy(), 20)[1]["id"] == seen.evidence[0].ref, "the account knows its id"


@pytest.mark.parametrize(("waited_s", "pending", "outcome"), [(15.0, 1, FAIL), (14.9, 1, INCONCLUSIVE), (2.0, 0, FAIL)])
def test_an_order_that_is_not_finished_had_its_time_or_not(waited_s: float, pending: int, outcome: Outcome) -> None:
    run = order(healthy(), 20, state="paid", terminal=False)
    run.replace(Settled, waited_ns=ns(waited_s), pending=pending)
    seen = result(run, ORDERS)
    assert seen.outcome is outcome
    assert "not finished" in seen.reason


def test_an_end_that_is_not_declared_is_undecided() -> None:
    seen = result(order(healthy(), 20, state="archived"), ORDERS)
    assert INCONCLUSIVE is seen.outcome
    assert "a finished order is archived, which is no end of the saga; it has: confirmed, cancelled" in seen.reason


def test_other_runs_do_no_harm() -> None:
    run = healthy()
    audit = run.audits_after["payments"]
    old = audit.effects[0].model_copy(update={"key": "k-old", "state": "pending"})
    run.audits_after["payments"] = audit.model_copy(update={"effects": [*audit.effects, old]})
    assert result(run, ORDERS).outcome is PASS


def test_what_cannot_be_read_leaves_it_undecided() -> None:
    run = healthy()
    acked(run, 3)[0].ack = "{"
    assert "1 acknowledgement cannot be read" in result(run, ORDERS).reason


def test_an_account_that_was_not_read_is_not_an_empty_one() -> None:
    run = healthy()
    del run.audits_after["payments"]
    for id_ in (ORDERS, STOCK, MONEY):
        seen = result(run, id_)
        assert (INCONCLUSIVE, True) == (seen.outcome, "no account of payments" in seen.reason)


@pytest.mark.parametrize(
    ("id_", "service", "name", "said"),
    [
        (STOCK, "orders", "sold", "orders.on_hand + orders.sold was 1000 before the run and is 1001 after it"),
        (MONEY, "payments", "captured", "is 189501 and orders.earned is 189500"),
        (MONEY, "payments", "refunded", "is 189499 and orders.earned is 189500"),
        (LEDGER, "payments", "ledger", "payments.ledger is 1"),
    ],
)
def test_what_came_from_nowhere_fails(id_: str, service: str, name: str, said: str) -> None:
    seen = result(total(healthy(), service, name, 1), id_)
    assert (FAIL, Value(number=1, unit="count")) == (seen.outcome, seen.observed)
    assert said in seen.reason
    for other in {STOCK, MONEY, LEDGER} - {id_}:
        assert result(total(healthy(), service, name, 1), other).outcome is PASS


@pytest.mark.parametrize("id_", [STOCK, MONEY, LEDGER])
def test_sums_that_disagree_while_work_is_left_are_undecided(id_: str) -> None:
    run = total(total(total(healthy(), "orders", "sold", 1), "payments", "captured", 1), "payments", "ledger", 1)
    run.replace(Settled, waited_ns=ns(2), pending=1)
    seen = result(run, id_)
    assert (INCONCLUSIVE, True) == (seen.outcome, "not all work was finished by then" in seen.reason)


@pytest.mark.parametrize(
    ("id_", "moment", "service"),
    [(STOCK, "before", "orders"), (STOCK, "after", "orders"), (LEDGER, "after", "payments")],
)
def test_a_total_that_is_not_told_is_undecided(id_: str, moment: str, service: str) -> None:
    """As in the documents of an older service."""
    seen = result(without_total(healthy(), moment, service), id_)
    assert INCONCLUSIVE is seen.outcome
    assert f"{service} did not tell the total" in seen.reason


def asked(change: Callable[[dict[str, Any]], object]) -> CheckResult | None:
    run = healthy()
    system = json.loads(json.dumps(SYSTEM))
    change(system)
    run.record = run.record.model_copy(update={"system": System.model_validate(system)})
    spec = SagaAtomic.model_validate({"kind": "saga_atomic", "conserved": ["stock"]})
    problems = saga_atomic_needs(spec, Facts.of_run(run.record))
    assert all("add `" in problem for problem in problems)
    return None if problems else result(run, ORDERS)


def test_a_system_that_declares_too_little_is_refused_before_the_run() -> None:
    assert asked(dict) is not None
    assert asked(lambda system: system.pop("sagas")) is None
    assert asked(lambda system: system["conserved"].pop("stock")) is None


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"zero": ["a.b"], "constant": ["a.b"]},
        {"equal": [["a.b"]]},
        {"equal": [["a.b"], []]},
        {"zero": ["b"]},
        {"zero": ["a.b.c"]},
    ],
)
def test_a_rule_that_says_nothing_or_too_much_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Conserved).validate_python(rule)


def test_a_total_of_a_service_without_an_account_is_refused() -> None:
    system = {**SYSTEM, "conserved": {"odd": {"zero": ["front.sum"]}}}
    said = r"front\.sum: no service 'front' has an `audit`; those that have are: orders, payments"
    with pytest.raises(ValidationError, match=said):
        System.model_validate(system)


def test_an_end_that_may_have_no_effect_at_all_is_that_of_a_failure() -> None:
    saga = Saga.model_validate({"ends": {"done": {"a": ["x"], "b": ["y", "none"]}, "undone": {"a": ["none", "z"]}}})
    assert (False, True, False) == tuple(map(saga.leaves_nothing, ("done", "undone", "other")))
    assert ["a", "b"] == saga.effects
