"""A18 and A19: what clients were told against what the services' databases say."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.histories import healthy
from tests.history_builder import HistoryBuilder, ns
from tests.unit.checks.asking import expecting, result
from workbench.checks.facts import Facts
from workbench.checks.integrity import no_duplicate_effects_needs, no_lost_orders_needs
from workbench.model.audit import Audit, AuditEffect, AuditRecord
from workbench.model.events import Settled
from workbench.model.expectations import NoDuplicateEffects, NoLostOrders
from workbench.model.verdict import Outcome, Value

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

LOST, TWICE = "A18:order", "A19:capture"


def records(run: HistoryBuilder, change: Callable[[list[AuditRecord]], object]) -> HistoryBuilder:
    audit = run.audits_after["orders"]
    kept = list(audit.records)
    change(kept)
    run.audits_after["orders"] = audit.model_copy(update={"records": kept})
    return run


def changed(number: int, **columns: object) -> Callable[[list[AuditRecord]], None]:
    def change(kept: list[AuditRecord]) -> None:
        kept[number] = kept[number].model_copy(update=columns)

    return change


def forget(run: HistoryBuilder, number: int = 20) -> HistoryBuilder:
    return records(run, lambda kept: kept.pop(number))


# -- A18 ----------------------------------------------------------------------------------------------


def test_every_acknowledged_order_is_there_once_and_finished() -> None:
    seen = result(healthy(), LOST)
    assert seen.outcome is PASS
    assert seen.n == 379


def test_an_order_that_does_not_exist_is_lost() -> None:
    run = forget(healthy())
    ack = json.loads(str([row.ack for row in run.journeys if row.ack][20]))
    seen = result(run, LOST)
    assert seen.outcome is FAIL
    assert seen.observed == Value(number=1, unit="count")
    record, trace = seen.evidence
    assert (record.kind, record.ref, trace.kind) == ("record", ack["id"], "trace")
    assert "does not exist" in seen.reason
    assert f"key {ack['key']}, trace {trace.ref}" in record.text


def test_an_order_that_exists_twice_is_a_broken_promise() -> None:
    run = records(healthy(), lambda kept: kept.append(kept[3].model_copy(update={"id": "o-copy"})))
    assert "exists 2 times" in result(run, LOST).reason


def test_a_key_that_leads_to_another_order_is_a_broken_promise() -> None:
    seen = result(records(healthy(), changed(3, id="o-other")), LOST)
    assert seen.outcome is FAIL
    assert "its key has order o-other" in seen.reason


def test_an_order_that_was_confirmed_to_the_client_and_is_cancelled_is_a_broken_promise() -> None:
    run = records(healthy(), changed(3, state="cancelled"))
    assert "was acknowledged as confirmed and is cancelled" in result(run, LOST).reason


def test_a_queued_order_may_end_in_any_way() -> None:
    queued = [i for i, row in enumerate(r for r in healthy().journeys if r.ack) if '"queued"' in str(row.ack)]
    assert result(records(healthy(), changed(queued[0], state="cancelled")), LOST).outcome is PASS


def unfinished(waited_s: float, pending: int) -> HistoryBuilder:
    run = records(healthy(), changed(3, state="pending", terminal=False))
    run.replace(Settled, waited_ns=ns(waited_s), pending=pending)
    return run


@pytest.mark.parametrize(
    ("waited_s", "pending", "outcome"),
    [(15.0, 1, FAIL), (14.9, 1, INCONCLUSIVE), (2.0, 0, FAIL)],
)
def test_an_unfinished_order_breaks_the_promise_once_it_had_its_time(
    waited_s: float, pending: int, outcome: Outcome
) -> None:
    """15 s by default; at once if the services themselves say that nothing is left to do."""
    seen = result(unfinished(waited_s, pending), LOST)
    assert seen.outcome is outcome
    assert "not finished" in seen.reason


def test_without_settling_an_unfinished_order_is_undecided() -> None:
    run = unfinished(15, 1)
    run.drop(Settled)
    assert result(run, LOST).outcome is INCONCLUSIVE


def test_an_order_whose_client_could_not_know_may_be_there_or_not() -> None:
    run = healthy()
    row = [row for row in run.journeys if row.ack][20]
    row.ack = json.dumps({**json.loads(str(row.ack)), "id": None, "state": "indeterminate"})
    assert result(run, LOST).outcome is PASS
    assert result(forget(run), LOST).outcome is PASS


def test_orders_of_other_runs_do_no_harm() -> None:
    foreign = AuditRecord(kind="order", id="o-old", key="k-old", state="pending", terminal=False)
    assert result(records(healthy(), lambda kept: kept.extend([foreign, foreign])), LOST).outcome is PASS


def test_records_of_another_kind_do_not_count() -> None:
    seen = result(expecting(healthy(), kind="no_lost_orders", record="shipment"), "A18:shipment")
    assert seen.outcome is FAIL


@pytest.mark.parametrize(("acknowledged", "outcome"), [(10, PASS), (9, INCONCLUSIVE)])
def test_ten_acknowledged_orders_are_enough(acknowledged: int, outcome: Outcome) -> None:
    run = healthy()
    for row in [row for row in run.journeys if row.ack][acknowledged:]:
        row.ack = None
    assert result(run, LOST).outcome is outcome


@pytest.mark.parametrize("ack", ["{", "[]", '"text"', '{"id": 1}', '{"id": [], "key": "k", "state": "s"}', "null"])
def test_an_acknowledgement_that_cannot_be_read_leaves_it_undecided(ack: str) -> None:
    run = healthy()
    next(row for row in run.journeys if row.ack).ack = ack
    assert "1 acknowledgement cannot be read" in result(run, LOST).reason
    assert result(run, LOST).outcome is INCONCLUSIVE
    assert result(run, TWICE).outcome is INCONCLUSIVE


def test_a_lost_order_is_lost_even_if_something_else_cannot_be_read() -> None:
    run = forget(healthy())
    next(row for row in run.journeys if row.ack).ack = "{"
    assert result(run, LOST).outcome is FAIL


@pytest.mark.parametrize("missing", [["orders"], ["orders", "payments"]])
def test_an_account_that_was_not_read_is_not_an_empty_one(missing: list[str]) -> None:
    run = healthy()
    for name in missing:
        del run.audits_after[name]
    for id_ in (LOST, TWICE):
        seen = result(run, id_)
        assert seen.outcome is INCONCLUSIVE
        assert "no account of orders" in seen.reason


# -- A19 ----------------------------------------------------------------------------------------------


def capture(run: HistoryBuilder, number: int, id_: str) -> HistoryBuilder:
    audit = run.audits_after["payments"]
    again = audit.effects[number].model_copy(update={"id": id_})
    run.audits_after["payments"] = audit.model_copy(update={"effects": [*audit.effects, again]})
    return run


def test_one_effect_for_each_key_passes() -> None:
    for kind in ("order", "capture"):
        assert result(healthy(), f"A19:{kind}").outcome is PASS


def test_two_captures_for_one_key_fail_and_only_for_captures() -> None:
    run = capture(healthy(), 7, "c-again")
    seen = result(run, TWICE)
    assert seen.outcome is FAIL
    assert "has 2 of capture: c-again and c-o-14" in seen.reason
    assert result(run, "A19:order").outcome is PASS


def test_one_effect_told_by_two_services_is_one_effect() -> None:
    run = healthy()
    effects = run.audits_after["payments"].effects
    run.audits_after["orders"] = run.audits_after["orders"].model_copy(
        update={"effects": [*run.audits_after["orders"].effects, *effects]}
    )
    assert result(run, TWICE).outcome is PASS


def test_a_duplicate_of_a_client_that_could_not_know_counts() -> None:
    run = capture(healthy(), 7, "c-again")
    row = [row for row in run.journeys if row.ack][7]
    row.ack = json.dumps({"id": None, "key": json.loads(str(row.ack))["key"], "state": "indeterminate"})
    assert result(run, TWICE).outcome is FAIL


def test_who_was_told_nothing_and_sent_no_trace_is_named_by_the_account() -> None:
    run = capture(healthy(), 7, "c-again")
    row = [row for row in run.journeys if row.ack][7]
    key, id_ = (json.loads(str(row.ack))[name] for name in ("key", "id"))
    row.ack, row.trace_id = json.dumps({"id": None, "key": key, "state": "indeterminate"}), None
    records(run, lambda kept: kept.__setitem__(7, kept[7].model_copy(update={"trace_id": "a" * 32})))
    record, trace = result(run, TWICE).evidence
    assert (id_, "a" * 32) == (record.ref, trace.ref)
    assert key in record.text


def test_duplicates_of_other_runs_do_not_count() -> None:
    run = healthy()
    old = [AuditEffect(kind="capture", key="k-old", id=f"c-{i}") for i in range(2)]
    audit = run.audits_after["payments"]
    run.audits_after["payments"] = audit.model_copy(update={"effects": [*audit.effects, *old]})
    assert result(run, TWICE).outcome is PASS


def test_an_effect_that_nobody_ever_saw_is_undecided() -> None:
    """A misspelt kind must not pass."""
    run = expecting(healthy(), kind="no_duplicate_effects", effects=["captures"])
    assert result(run, "A19:captures").outcome is INCONCLUSIVE


@pytest.mark.parametrize(("keys", "outcome"), [(10, PASS), (9, INCONCLUSIVE)])
def test_ten_keys_are_enough(keys: int, outcome: Outcome) -> None:
    run = healthy()
    audit = run.audits_after["payments"]
    run.audits_after["payments"] = Audit(service="payments", effects=audit.effects[:keys])
    assert result(run, TWICE).outcome is outcome


# -- needs --------------------------------------------------------------------------------------------


def test_a_system_that_gives_no_account_is_refused_with_the_remedy() -> None:
    run = healthy()
    lost = NoLostOrders.model_validate({"kind": "no_lost_orders"})
    twice = NoDuplicateEffects.model_validate({"kind": "no_duplicate_effects"})
    assert no_lost_orders_needs(lost, Facts.of_run(run.record)) == []
    assert no_duplicate_effects_needs(twice, Facts.of_run(run.record)) == []
    run.record = run.record.model_copy(update={"audited": []})
    (problem,) = no_lost_orders_needs(lost, Facts.of_run(run.record))
    assert "give its address as `audit:` of the service" in problem
    assert len(no_duplicate_effects_needs(twice, Facts.of_run(run.record))) == 1
